/** Taps made in other namespaces, judged by `ip -d -j link`. */
import { describe, expect, test } from "bun:test";
import { getLink } from "./netlink/link-info.ts";
import { ScratchNetns } from "./netns/scratch.ts";
import { createTap, type NewTap } from "./tap.ts";

const shown = (netns: ScratchNetns, name: string) =>
  netns.json("ip", "-d", "-j", "link", "show", "dev", name)[0];

describe("a tap", () => {
  const cases: [string, Omit<NewTap, "name">, object][] = [
    ["of nobody", { multiQueue: false }, { multi_queue: false }],
    ["of a user", { owner: 54321, multiQueue: false }, { user: 54321 }],
    ["of root, which is user 0", { owner: 0, multiQueue: false }, { user: "root" }],
    ["of the last user", { owner: 0xfffffffe, multiQueue: false }, { user: 4294967294 }],
    ["of a group, with queues", { group: 107, multiQueue: true }, { multi_queue: true }],
  ];
  test.each(cases)("%s stays in the namespace where it was made", (_, spec, told) => {
    using netns = new ScratchNetns("tap");
    createTap(netns.path, { name: "tap0", ...spec });
    const { linkinfo, flags } = shown(netns, "tap0");
    expect(linkinfo).toMatchObject({
      info_kind: "tun",
      info_data: { type: "tap", persist: true, pi: false, ...told },
    });
    expect(flags).not.toContain("UP");
    using socket = netns.socket();
    const { owner, group, multiQueue } = spec;
    expect(getLink(socket, { name: "tap0" })!.data).toMatchObject({
      type: "tap",
      persist: true,
      multiQueue,
      ...(owner !== undefined && { owner }),
      ...(group !== undefined && { group }),
    });
  });

  test("is refused under a name that is taken", () => {
    using netns = new ScratchNetns("tap");
    createTap(netns.path, { name: "tap0", multiQueue: false });
    expect(() => createTap(netns.path, { name: "tap0", multiQueue: false })).toThrow(
      'Cannot create tap "tap0": a link of that name exists already',
    );
    expect(() => createTap(netns.path, { name: "lo", multiQueue: false })).toThrow('tap "lo"');
  });
});

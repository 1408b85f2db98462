/** Links of kind macvlan in fresh namespaces, judged by `ip -d -j link`. */
import { describe, expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { openNetns } from "../netns/netns.ts";
import { ScratchNetns } from "../netns/scratch.ts";
import { changeMacvlan, createLink } from "./link.ts";
import { getLink, listLinks } from "./link-info.ts";

const shown = (netns: ScratchNetns, name: string) =>
  netns.json("ip", "-d", "-j", "link", "show", "dev", name)[0];

/** A host with a parent link "lan". */
function hostWithParent(): ScratchNetns {
  const host = new ScratchNetns("macvlan");
  host.run("ip", "link", "add", "lan", "type", "veth", "peer", "name", "far");
  return host;
}

describe("a macvlan link", () => {
  for (const mode of ["private", "vepa", "bridge", "passthru", "source"] as const) {
    test(`is born in another namespace in mode ${mode}, with all that was asked for`, () => {
      using host = hostWithParent();
      using box = new ScratchNetns("box");
      using socket = host.socket();
      const { index, mac } = getLink(socket, { name: "lan" })!;
      const fd = openNetns(box.path);
      const own = { name: "eth0", mac: "02:00:00:00:00:07", mtu: 1400, link: index, netNsFd: fd };
      socket.run([createLink({ kind: "macvlan", ...own, macvlan: { mode, bcQueueLength: 5000 } })]);
      closeSync(fd);
      const link = shown(box, "eth0");
      expect(link).toMatchObject({
        // In this mode it has its parent's, whatever is asked for.
        address: mode === "passthru" ? mac : own.mac,
        mtu: 1400,
        link_index: index,
        linkinfo: { info_kind: "macvlan", info_data: { mode } },
      });
      using inside = box.socket();
      const found = getLink(inside, { name: "eth0" })!;
      expect(found.macvlan).toMatchObject({ mode, bcQueueLength: 5000 });
      expect(found.macvlan?.bcQueueLengthUsed).toBeGreaterThanOrEqual(1000);
      expect([found.link, found.linkNetnsId]).toEqual([index, expect.any(Number)]);
      expect(listLinks(inside, { kind: "macvlan" }).map(({ name }) => name)).toEqual(["eth0"]);
    });
  }

  test("in source mode has the addresses it was given, and then those it is given anew", () => {
    using host = hostWithParent();
    using socket = host.socket();
    const { index } = getLink(socket, { name: "lan" })!;
    const first = ["02:00:00:00:00:51", "02:00:00:00:00:52"];
    socket.run([
      createLink({
        kind: "macvlan",
        name: "m0",
        link: index,
        macvlan: { mode: "source", allowedMacs: first },
      }),
    ]);
    const addresses = () => getLink(socket, { name: "m0" })!.macvlan?.allowedMacs;
    expect(addresses()).toEqual(first);
    expect(shown(host, "m0").linkinfo.info_data.macaddr_count).toBe(2);
    const later = ["02:00:00:00:00:53"];
    socket.run([changeMacvlan({ name: "m0" }, { allowedMacs: later })]);
    expect(addresses()).toEqual(later);
    socket.run([changeMacvlan({ name: "m0" }, { allowedMacs: [] })]);
    expect(addresses()).toEqual([]);
  });

  test("is refused with the kernel's reason on a parent that another holds whole", () => {
    using host = hostWithParent();
    using socket = host.socket();
    const { index } = getLink(socket, { name: "lan" })!;
    const made = (name: string, mode: "passthru" | "bridge") =>
      createLink({ kind: "macvlan", name, link: index, macvlan: { mode } });
    socket.run([made("m0", "passthru")]);
    expect(() => socket.run([made("m1", "bridge")])).toThrow("EINVAL");
  });
});

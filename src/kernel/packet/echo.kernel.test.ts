/** Echo requests to another network namespace. */
import { expect, test } from "bun:test";
import { $ } from "bun";
import { ScratchNetns } from "../netns/scratch.ts";
import { answering } from "./echo.ts";

test("who is there answers by both families, who is not does not", async () => {
  using netns = new ScratchNetns("echo");
  await $`ip link add nlecho type veth peer name w netns ${netns.name}`;
  try {
    await $`ip addr add 192.0.2.1/24 dev nlecho`;
    await $`ip addr add 2001:db8:77::1/64 dev nlecho nodad`;
    await $`ip link set nlecho up`;
    const inside = "ip addr add 192.0.2.2/24 dev w; ip addr add 2001:db8:77::2/64 dev w nodad";
    netns.run("sh", "-ec", `${inside}; ip link set w up`);
    const there = ["192.0.2.2", "2001:db8:77::2", "127.0.0.1"];
    const absent = ["192.0.2.3", "2001:db8:77::3", "203.0.113.77"];
    // The links may need a moment.
    expect([...(await answering(there, 5000))].sort()).toEqual(there.sort());
    expect([...(await answering([...absent, ...there], 500))].sort()).toEqual(there.sort());
    netns.run("ip", "link", "set", "w", "down");
    expect([...(await answering(["192.0.2.2", "2001:db8:77::2"], 300))]).toEqual([]);
    expect([...(await answering([], 300))]).toEqual([]);
  } finally {
    await $`ip link del nlecho`.nothrow();
  }
});

/** Neighbours and forwarding entries, judged by `ip -j neigh` and `bridge -j fdb`. */
import { describe, expect, test } from "bun:test";
import { ScratchNetns } from "../netns/scratch.ts";
import { appendFdbEntry, listFdb, removeFdbEntry, replaceFdbEntry } from "./fdb.ts";
import { listNeighs, removeNeigh, replaceNeigh } from "./neigh.ts";

/** br0 (5) with port v (6); w (7) outside; a VXLAN device (8); all up, w with an address. */
function stage(): ScratchNetns {
  const netns = new ScratchNetns("neigh");
  const steps = [
    "ip link add name br0 index 5 type bridge",
    "ip link add v index 6 master br0 type veth peer name w index 7",
    "ip link add vx index 8 type vxlan id 42 dstport 4789 local 192.0.2.1 nolearning",
    "for link in br0 v w vx; do ip link set $link up; done",
    "ip addr add 10.1.0.1/24 dev w; ip addr add fd00::1/64 dev w nodad",
  ];
  netns.run("sh", "-ec", steps.join("\n"));
  return netns;
}

const mac = "02:00:00:00:00:07";

describe("neighbours", () => {
  const shown = (netns: ScratchNetns, dst: string) =>
    netns.json("ip", "-j", "neigh", "show", dst).filter((entry) => entry.dst === dst);

  for (const dst of ["10.1.0.7", "fd00::7"]) {
    test(`${dst} is set, changed, told and removed`, () => {
      using netns = stage();
      using socket = netns.socket();
      socket.run([replaceNeigh({ index: 7, dst, mac: "02:00:00:00:00:08" })]);
      socket.run([replaceNeigh({ index: 7, dst, mac })]);
      expect(shown(netns, dst)).toMatchObject([{ dev: "w", lladdr: mac, state: ["PERMANENT"] }]);
      const told = listNeighs(socket, { index: 7 }).filter((neigh) => neigh.dst === dst);
      expect(told).toMatchObject([{ index: 7, mac, state: "permanent", protocol: 108 }]);
      socket.run([replaceNeigh({ index: 7, dst, mac, state: "reachable" })]);
      expect(shown(netns, dst)).toMatchObject([{ state: ["REACHABLE"] }]);
      const removal = removeNeigh({ index: 7, dst });
      socket.run([removal, removal, removeNeigh({ index: 99, dst })]);
      // Removing ends an entry that is in use as a failed one.
      expect(shown(netns, dst).filter((entry) => entry.lladdr === mac)).toEqual([]);
    });
  }

  test("addresses that a link answers for are a list of their own", () => {
    using netns = stage();
    using socket = netns.socket();
    socket.run([replaceNeigh({ index: 7, dst: "10.1.0.9", proxy: true })]);
    expect(netns.json("ip", "-j", "neigh", "show", "proxy")).toMatchObject([
      { dst: "10.1.0.9", dev: "w" },
    ]);
    expect(listNeighs(socket, { proxy: true })).toMatchObject([
      { dst: "10.1.0.9", index: 7, proxy: true },
    ]);
    socket.run([removeNeigh({ index: 7, dst: "10.1.0.9", proxy: true })]);
    expect(netns.json("ip", "-j", "neigh", "show", "proxy")).toEqual([]);
  });

  test("the kernel lists by link and by family", () => {
    using netns = stage();
    using socket = netns.socket();
    netns.run("ip", "neigh", "add", "10.1.0.7", "lladdr", mac, "dev", "w");
    netns.run("ip", "neigh", "add", "fd00::7", "lladdr", mac, "dev", "w");
    netns.run("ip", "neigh", "add", "10.1.0.7", "lladdr", mac, "dev", "br0");
    const listed = (filter: Parameters<typeof listNeighs>[1]) =>
      listNeighs(socket, filter)
        .filter((neigh) => neigh.state === "permanent")
        .map((neigh) => `${neigh.index} ${neigh.dst}`)
        .sort();
    expect(listed({})).toEqual(["5 10.1.0.7", "7 10.1.0.7", "7 fd00::7"]);
    expect(listed({ index: 7 })).toEqual(["7 10.1.0.7", "7 fd00::7"]);
    expect(listed({ index: 7, family: 10 })).toEqual(["7 fd00::7"]);
    expect(listed({ index: 99 })).toEqual([]);
  });
});

describe("forwarding entries", () => {
  // Where the kernel can filter VLANs it makes a second entry, for the port's VLAN 1.
  const shown = (netns: ScratchNetns, address: string) =>
    netns
      .json("bridge", "-j", "fdb")
      .filter((entry) => entry.mac === address && entry.vlan === undefined);

  test("an entry of a bridge is set, told and removed", () => {
    using netns = stage();
    using socket = netns.socket();
    socket.run([
      replaceFdbEntry({ index: 6, mac, table: "master" }),
      replaceFdbEntry({ index: 6, mac: "02:00:00:00:00:08", table: "master", sticky: true }),
      replaceFdbEntry({
        index: 6,
        mac: "02:00:00:00:00:09",
        table: "master",
        state: "reachable",
        externLearned: true,
      }),
    ]);
    expect(shown(netns, mac)).toMatchObject([{ ifname: "v", master: "br0", state: "static" }]);
    expect(shown(netns, "02:00:00:00:00:08")).toMatchObject([{ flags: ["sticky"] }]);
    expect(shown(netns, "02:00:00:00:00:09")).toMatchObject([{ flags: ["extern_learn"] }]);
    const told = listFdb(socket, { master: 5 }).filter((entry) => entry.mac === mac);
    expect(told.filter(({ vlan }) => vlan === undefined)).toMatchObject([
      { index: 6, master: 5, state: "noarp", self: false },
    ]);
    expect(listFdb(socket, { index: 6 }).map((entry) => entry.mac)).toContain(mac);
    const removal = removeFdbEntry({ index: 6, mac, table: "master" });
    socket.run([removal, removal, removeFdbEntry({ index: 99, mac, table: "master" })]);
    expect(shown(netns, mac)).toEqual([]);
    expect(shown(netns, "02:00:00:00:00:08")).toHaveLength(1);
  });

  test("a VXLAN device's entries lead to remote ends, of which flooding has several", () => {
    using netns = stage();
    using socket = netns.socket();
    const all = "00:00:00:00:00:00";
    socket.run([
      replaceFdbEntry({ index: 8, mac, table: "self", dst: "192.0.2.2", vni: 77, l4Port: 8472 }),
      appendFdbEntry({ index: 8, mac: all, table: "self", dst: "192.0.2.2" }),
      appendFdbEntry({ index: 8, mac: all, table: "self", dst: "192.0.2.3" }),
    ]);
    expect(shown(netns, mac)).toMatchObject([
      { ifname: "vx", dst: "192.0.2.2", vni: 77, port: 8472 },
    ]);
    expect(
      shown(netns, all)
        .map((entry) => entry.dst)
        .sort(),
    ).toEqual(["192.0.2.2", "192.0.2.3"]);
    expect(listFdb(socket, { index: 8 }).filter((entry) => entry.mac === mac)).toMatchObject([
      { dst: "192.0.2.2", vni: 77, l4Port: 8472, self: true, state: "permanent" },
    ]);
    socket.run([removeFdbEntry({ index: 8, mac: all, table: "self", dst: "192.0.2.2" })]);
    expect(shown(netns, all).map((entry) => entry.dst)).toEqual(["192.0.2.3"]);
  });
});

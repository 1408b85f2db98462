/** Links in fresh namespaces, judged by `ip -d -j link` and `bridge -j link`. */
import { describe, expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { openNetns } from "../netns/netns.ts";
import { ScratchNetns } from "../netns/scratch.ts";
import {
  changeBridge,
  changeBridgePort,
  changeLink,
  createLink,
  deleteLink,
  deleteLinkGroup,
} from "./link.ts";
import { getLink, getLinks, listLinks, requireLink } from "./link-info.ts";

const shown = (netns: ScratchNetns, name: string) =>
  netns.json("ip", "-d", "-j", "link", "show", "dev", name)[0];

describe("creating", () => {
  test("a bridge has every attribute that was asked for", () => {
    using netns = new ScratchNetns("link");
    using socket = netns.socket();
    const bridge = {
      ageingTimeCs: 12000,
      forwardDelayCs: 200,
      stpState: 0,
      priority: 4096,
      multicastSnooping: false,
      nfCallIptables: true,
    };
    const shape = { mac: "02:00:00:00:00:01", mtu: 1400, group: 108 };
    socket.run([
      createLink({
        name: "br0",
        kind: "bridge",
        index: 42,
        up: true,
        promisc: true,
        ...shape,
        txQueueLength: 77,
        bridge,
      }),
    ]);
    const link = shown(netns, "br0");
    expect(link).toMatchObject({
      ifindex: 42,
      ifname: "br0",
      address: "02:00:00:00:00:01",
      mtu: 1400,
      group: "108",
      txqlen: 77,
      linkinfo: { info_kind: "bridge" },
    });
    expect(link.flags).toContain("UP");
    expect(link.flags).toContain("PROMISC");
    expect(link.linkinfo.info_data).toMatchObject({
      ageing_time: 12000,
      forward_delay: 200,
      stp_state: 0,
      priority: 4096,
      mcast_snooping: 0,
      nf_call_iptables: 1,
    });
    expect(getLink(socket, { name: "br0" })).toMatchObject({
      index: 42,
      up: true,
      ...shape,
      bridge,
    });
  });

  test("a veth's peer is born in another namespace, under its final name and address", () => {
    using netns = new ScratchNetns("link");
    using other = new ScratchNetns("link");
    using socket = netns.socket();
    using inside = other.socket();
    const fd = openNetns(other.path);
    const peer = { name: "eth0", index: 7, mac: "02:00:00:00:00:03", mtu: 1300, netNsFd: fd };
    socket.run([
      createLink({ name: "nl1", kind: "veth", index: 9, mac: "02:00:00:00:00:02", veth: { peer } }),
    ]);
    closeSync(fd);
    expect(shown(netns, "nl1")).toMatchObject({
      ifindex: 9,
      address: "02:00:00:00:00:02",
      linkinfo: { info_kind: "veth" },
    });
    expect(shown(other, "eth0")).toMatchObject({
      ifindex: 7,
      address: "02:00:00:00:00:03",
      mtu: 1300,
      linkinfo: { info_kind: "veth" },
    });
    expect(
      netns
        .json("ip", "-j", "link")
        .map((link) => link.ifname)
        .sort(),
    ).toEqual(["lo", "nl1"]);
    expect(getLink(socket, { index: 9 })).toMatchObject({ link: 7, linkNetnsId: 0, kind: "veth" });
    expect(getLink(inside, { name: "eth0" })).toMatchObject({ link: 9, kind: "veth" });
  });

  test("a link can be born into a bridge and into another namespace than the socket's", () => {
    using netns = new ScratchNetns("link");
    using other = new ScratchNetns("link");
    using socket = netns.socket();
    socket.run([createLink({ name: "br0", kind: "bridge", index: 5 })]);
    const fd = openNetns(other.path);
    socket.run([
      createLink({
        name: "port",
        kind: "veth",
        master: 5,
        up: true,
        veth: { peer: { name: "p" } },
      }),
      createLink({ name: "far", kind: "bridge", netNsFd: fd }),
    ]);
    closeSync(fd);
    expect(shown(netns, "port")).toMatchObject({ master: "br0" });
    expect(shown(other, "far")).toMatchObject({ linkinfo: { info_kind: "bridge" } });
  });

  test("a taken name is refused by the kernel and told with the link's name", () => {
    using netns = new ScratchNetns("link");
    using socket = netns.socket();
    const item = createLink({ name: "br0", kind: "bridge" });
    socket.run([item]);
    expect(() => socket.run([item])).toThrow('Cannot create bridge link "br0": EEXIST');
  });
});

describe("changing", () => {
  test("everything about a link changes, and what is not named stays", () => {
    using netns = new ScratchNetns("link");
    using socket = netns.socket();
    netns.run("ip", "link", "add", "v", "address", "02:00:00:00:00:09", "type", "veth");
    const alias = `netloom:cni:${"é".repeat(100)}`;
    socket.run([
      changeLink({ name: "v" }, { up: true, mtu: 1334, alias, group: 3, promisc: true }),
      changeLink({ name: "v" }, { addrGenMode: "none", allmulti: true }),
    ]);
    const link = shown(netns, "v");
    expect(link).toMatchObject({
      mtu: 1334,
      ifalias: alias,
      group: "3",
      address: "02:00:00:00:00:09",
      inet6_addr_gen_mode: "none",
    });
    expect(link.flags).toEqual(expect.arrayContaining(["UP", "PROMISC", "ALLMULTI"]));
    expect(getLink(socket, { name: "v" })).toMatchObject({
      alias,
      promisc: true,
      addrGenMode: "none",
    });
    socket.run([changeLink({ name: "v" }, { up: false, promisc: false, alias: "" })]);
    const after = shown(netns, "v");
    expect(after.flags).not.toContain("UP");
    expect(after.flags).not.toContain("PROMISC");
    expect(after.flags).toContain("ALLMULTI");
    expect(after.ifalias).toBeUndefined();
    expect(after.mtu).toBe(1334);
  });

  test("a link named by index is renamed, moved into a bridge, out of it, and elsewhere", () => {
    using netns = new ScratchNetns("link");
    using other = new ScratchNetns("link");
    using socket = netns.socket();
    netns.run("ip", "link", "add", "name", "br0", "index", "5", "type", "bridge");
    netns.run("ip", "link", "add", "v", "index", "8", "type", "veth");
    socket.run([changeLink({ index: 8 }, { name: "w", master: 5 })]);
    expect(shown(netns, "w")).toMatchObject({ ifindex: 8, master: "br0" });
    socket.run([changeLink({ index: 8 }, { master: 0 })]);
    expect(shown(netns, "w").master).toBeUndefined();
    expect(getLink(socket, { index: 8 })!.master).toBeUndefined();
    const fd = openNetns(other.path);
    socket.run([changeLink({ name: "w" }, { netNsFd: fd })]);
    closeSync(fd);
    expect(getLink(socket, { name: "w" })).toBeUndefined();
    expect(shown(other, "w")).toMatchObject({ ifname: "w" });
    expect(() => changeLink({ name: "w" }, { name: "x" })).toThrow(RangeError);
  });

  test("a bridge port's settings change, and are told as `bridge` tells them", () => {
    using netns = new ScratchNetns("link");
    using socket = netns.socket();
    netns.run("ip", "link", "add", "name", "br0", "type", "bridge");
    netns.run("ip", "link", "add", "v", "master", "br0", "type", "veth");
    const settings = {
      hairpin: true,
      isolated: true,
      learning: false,
      unicastFlood: false,
      multicastFlood: false,
      broadcastFlood: false,
      neighSuppress: true,
      guard: true,
      cost: 33,
      priority: 7,
    };
    socket.run([changeBridgePort({ name: "v" }, settings)]);
    const port = netns.json("bridge", "-d", "-j", "link", "show", "dev", "v")[0];
    expect(port).toMatchObject({
      hairpin: true,
      isolated: true,
      learning: false,
      flood: false,
      mcast_flood: false,
      bcast_flood: false,
      neigh_suppress: true,
      guard: true,
      cost: 33,
      priority: 7,
    });
    expect(getLink(socket, { name: "v" })!.bridgePort).toMatchObject(settings);
    socket.run([changeBridgePort({ name: "v" }, { hairpin: false })]);
    expect(getLink(socket, { name: "v" })!.bridgePort).toMatchObject({
      ...settings,
      hairpin: false,
    });
  });

  test("a bridge's attributes change", () => {
    using netns = new ScratchNetns("link");
    using socket = netns.socket();
    netns.run("ip", "link", "add", "name", "br0", "type", "bridge");
    socket.run([changeBridge({ name: "br0" }, { ageingTimeCs: 500, multicastSnooping: false })]);
    const data = shown(netns, "br0").linkinfo.info_data;
    expect(data).toMatchObject({ ageing_time: 500, mcast_snooping: 0, forward_delay: 1500 });
  });

  test("a link that is not there is an error that names it", () => {
    using netns = new ScratchNetns("link");
    using socket = netns.socket();
    expect(() => socket.run([changeLink({ name: "nil" }, { up: true })])).toThrow(
      'Cannot change link "nil": ENODEV',
    );
    expect(() => socket.run([changeLink({ index: 99 }, { up: true })])).toThrow("link 99");
    expect(() => requireLink(socket, { name: "nil" })).toThrow('Cannot read link "nil": ENODEV');
  });
});

describe("reading", () => {
  test("all links are told as `ip` tells them, by kind and by master too", async () => {
    using netns = new ScratchNetns("link");
    using socket = netns.socket();
    netns.run("ip", "link", "add", "name", "br0", "index", "5", "type", "bridge");
    netns.run("ip", "link", "add", "v1", "master", "br0", "type", "veth");
    netns.run("ip", "link", "add", "v2", "type", "veth");
    netns.run("ip", "link", "set", "br0", "up");
    // The kernel looks at the carrier some time after.
    while (requireLink(socket, { name: "br0" }).operState === "unknown") await Bun.sleep(5);
    const links = listLinks(socket);
    const expected = netns.json("ip", "-d", "-j", "link");
    expect(
      links.map((link) => ({
        ifindex: link.index,
        ifname: link.name,
        address: link.mac,
        mtu: link.mtu,
        operstate: String(link.operState).toUpperCase(),
        kind: link.kind,
        up: link.up,
        master: links.find((other) => other.index === link.master)?.name,
      })),
    ).toEqual(
      expected.map((link) => ({
        ifindex: link.ifindex,
        ifname: link.ifname,
        address: link.address,
        mtu: link.mtu,
        operstate: link.operstate,
        kind: link.linkinfo?.info_kind,
        up: link.flags.includes("UP"),
        master: link.master,
      })),
    );
    const names = (filter: Parameters<typeof listLinks>[1]) =>
      listLinks(socket, filter).map((link) => link.name);
    expect(names({ kind: "bridge" })).toEqual(["br0"]);
    expect(names({ master: 5 })).toEqual(["v1"]);
  });

  test("several links come in one exchange, undefined where there is none", () => {
    using netns = new ScratchNetns("link");
    using socket = netns.socket();
    const found = getLinks(socket, [{ name: "nil" }, { name: "lo" }, { index: 1 }, { index: 77 }]);
    expect(found.map((link) => link?.name)).toEqual([undefined, "lo", "lo", undefined]);
  });
});

describe("deleting", () => {
  test("a link goes with its peer, and once more is no error", () => {
    using netns = new ScratchNetns("link");
    using socket = netns.socket();
    netns.run("ip", "link", "add", "v", "type", "veth", "peer", "name", "w");
    const { index } = getLink(socket, { name: "v" })!;
    socket.run([deleteLink({ name: "v" }), deleteLink({ name: "v" }), deleteLink({ index })]);
    expect(netns.json("ip", "-j", "link").map((link) => link.ifname)).toEqual(["lo"]);
  });

  test("a group goes in one request, and nothing else does", () => {
    using netns = new ScratchNetns("link");
    using socket = netns.socket();
    for (let at = 0; at < 5; at++) {
      socket.run([createLink({ name: `v${at}`, kind: "bridge", group: at < 3 ? 108 : 7 })]);
    }
    socket.run([deleteLinkGroup(108), deleteLinkGroup(108)]);
    const left = netns.json("ip", "-j", "link").map((link) => link.ifname);
    expect(left).toEqual(["lo", "v3", "v4"]);
    expect(() => deleteLinkGroup(0)).toThrow(RangeError);
  });
});

/** Two hosts on a fabric, one segment: who reaches whom, and what is answered where. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Endpoint, HostPeer } from "../../api/elsewhere.ts";
import type { Network } from "../../api/kinds/index.ts";
import { overlay as driver, type SegmentConfig } from "../../drivers/overlay.ts";
import { overlayPlace } from "../../engine/overlay-place.ts";
import {
  entryKey,
  listEntries,
  type SegmentEntries,
  type SegmentEntry,
} from "../../engine/segment-entries.ts";
import { getLink } from "../../kernel/netlink/link-info.ts";
import { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { ScratchNetns } from "../../kernel/netns/scratch.ts";
import { silentLog } from "../../lib/log.ts";
import { Overlay } from "./overlay.ts";
import { SegmentView } from "./segment-view.ts";

const blue: Omit<SegmentConfig, "local"> = {
  ...{ bridge: "nlb-blue", network: "default.blue", vni: 4097, port: 4789, mtu: 1450 },
  ...{ mark: "0123456789abcdef", checksumOffload: true },
};

let held: DisposableStack;
let dir: string;

beforeEach(() => {
  held = new DisposableStack();
  dir = mkdtempSync(join(tmpdir(), "netloom-overlay-"));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.remove();
  held.dispose();
  rmSync(dir, { recursive: true });
});

const open: Overlay[] = [];

interface TestHost {
  readonly netns: ScratchNetns;
  readonly address: string;
}

/** Hosts on one link, with addresses of both families. */
function fabric(count: number): TestHost[] {
  const middle = held.use(new ScratchNetns("fabric"));
  middle.run("sh", "-ec", "ip link add fab0 type bridge; ip link set fab0 up");
  return Array.from({ length: count }, (_, i) => {
    const netns = held.use(new ScratchNetns(`h${i + 1}`));
    middle.run(
      "ip",
      "link",
      "add",
      `p${i}`,
      "type",
      "veth",
      "peer",
      "name",
      "fab",
      "netns",
      netns.name,
    );
    middle.run("sh", "-ec", `ip link set p${i} master fab0; ip link set p${i} up`);
    const address = `192.0.2.${i + 1}`;
    netns.run(
      "sh",
      "-ec",
      `ip addr add ${address}/24 dev fab; ip link set fab up; ip link set lo up`,
    );
    netns.run("ip", "addr", "add", `2001:db8::${i + 1}/64`, "dev", "fab", "nodad");
    return { netns, address };
  });
}

function overlayOn({ netns }: TestHost, name: string): Overlay {
  const paths = {
    stateDir: `${dir}/${name}/state`,
    runDir: `${dir}/${name}/run`,
    instance: "blue1",
  };
  const made = new Overlay(overlayPlace(paths, name), silentLog, netns.path);
  open.push(made);
  return made;
}

const mac = (n: number) => `02:00:00:00:01:0${n}`;
const addresses = (n: number) => [`10.1.0.${n}`, `fd00::${n}`];

async function attach({ engine }: Overlay, n: number, mtu = 1450): Promise<ScratchNetns> {
  const netns = held.use(new ScratchNetns(`c${n}`));
  await engine.attach({
    ...{ containerId: `c${n}`, ifName: "eth0", network: "default.blue", netns: netns.path },
    ...{ maker: "netloom", driver, mac: mac(n) },
    config: driver.parse({ bridge: "nlb-blue", mtu, macspoofchk: true, ipspoofchk: true }),
    allocation: {
      ips: addresses(n).map((ip) => ({ address: ip.includes(":") ? `${ip}/64` : `${ip}/24` })),
      routes: [],
    },
  });
  return netns;
}

const elsewhere = (n: number, host: string): SegmentEntry[] => [
  { kind: "remote", mac: mac(n), host },
  { kind: "behind", mac: mac(n) },
  { kind: "flood", host },
  ...addresses(n).map((address) => ({ kind: "neigh", address, mac: mac(n) }) as const),
];
const here = (n: number): SegmentEntry[] =>
  addresses(n).map((address) => ({ kind: "neigh", address, mac: mac(n) }));
const byKey = (entries: readonly SegmentEntry[]) =>
  new Map(entries.map((entry) => [entryKey(entry), entry]));

const peer = (address: string) =>
  ({ spec: { underlay: [{ address, prefixLength: 64, mtu: 1500 }] } }) as unknown as HostPeer;

/** On the host that is called by its address. */
const port = (n: number, host: string) =>
  ({
    metadata: { namespace: "a", name: `p${n}` },
    spec: { network: "a/blue", host, epoch: 1, mac: mac(n), addresses: addresses(n) },
  }) as unknown as Endpoint;

function heldBy({ place }: Overlay): SegmentEntries {
  using socket = new NetlinkSocket("route", place.netns);
  const indexOf = (name: string) => getLink(socket, { name })!.index;
  return listEntries(socket, { bridge: indexOf("nlb-blue"), vxlan: indexOf("nlx-4097") });
}

const ping = (from: ScratchNetns, to: string, ...words: string[]) =>
  from.run("ping", "-c", "1", "-W", "2", ...words, to);

describe.each(["IPv4", "IPv6"])("over %s", (family) => {
  const localOf = (i: number) => (family === "IPv4" ? `192.0.2.${i}` : `2001:db8::${i}`);
  const mtu = family === "IPv4" ? 1450 : 1430;

  async function pair() {
    const [one, two] = fabric(2) as [TestHost, TestHost];
    const [first, second] = [overlayOn(one, "1111"), overlayOn(two, "2222")];
    await first.join({ ...blue, mtu, local: localOf(1) }, byKey([]));
    await second.join({ ...blue, mtu, local: localOf(2) }, byKey([]));
    const [c1, c2] = [await attach(first, 1, mtu), await attach(second, 2, mtu)];
    await first.join(
      { ...blue, mtu, local: localOf(1) },
      byKey([...here(1), ...elsewhere(2, localOf(2))]),
    );
    await second.join(
      { ...blue, mtu, local: localOf(2) },
      byKey([...here(2), ...elsewhere(1, localOf(1))]),
    );
    return { one, two, first, second, c1, c2 };
  }

  const counted = (netns: ScratchNetns, filter: string, work: () => unknown): string => {
    const seen = Bun.spawn(
      ["nsenter", `--net=${netns.path}`, "tcpdump", "-lnei", "fab", "--immediate-mode", filter],
      { stdout: "pipe", stderr: "pipe" },
    );
    Bun.sleepSync(300);
    work();
    Bun.sleepSync(100);
    seen.kill();
    return seen.exited.then(() => new Response(seen.stdout).text()) as never;
  };

  test("containers on two hosts reach each other by both families", async () => {
    const { c1 } = await pair();
    for (const address of addresses(2)) ping(c1, address);
  });

  test("a full-size packet passes, and one byte more is refused, not cut", async () => {
    const { c1 } = await pair();
    ping(c1, "10.1.0.2", "-M", "do", "-s", String(mtu - 28));
    expect(() => ping(c1, "10.1.0.2", "-M", "do", "-s", String(mtu - 27))).toThrow("too long");
    ping(c1, "fd00::2", "-M", "do", "-s", String(mtu - 48));
  });

  test("who asks for a neighbour is answered on his own host", async () => {
    const { one, c1 } = await pair();
    const text = await counted(one.netns, "udp", () => {
      for (const address of addresses(2)) ping(c1, address);
    });
    expect(text).toContain("ICMP echo request");
    expect(text).not.toContain("who-has");
    expect(text).not.toContain("neighbor solicitation, who has");
  });

  test("a stranger's address is asked for on no other host, and a broadcast goes to all", async () => {
    const { one, first, c1 } = await pair();
    // Nobody has it: its frames have nowhere to go.
    c1.run("ip", "neigh", "add", "10.1.0.9", "lladdr", mac(9), "dev", "eth0");
    const lost = await counted(one.netns, "udp", () =>
      expect(() => ping(c1, "10.1.0.9", "-W", "1")).toThrow(),
    );
    expect(lost).not.toContain("10.1.0.9");
    const all = await counted(one.netns, "udp", () =>
      expect(() => c1.run("ping", "-b", "-c", "1", "-W", "1", "10.1.0.255")).toThrow(),
    );
    expect(all).toContain("10.1.0.255");
    await first.join({ ...blue, mtu, local: localOf(1) }, byKey(here(1)));
    const none = await counted(one.netns, "udp", () =>
      expect(() => c1.run("ping", "-b", "-c", "1", "-W", "1", "10.1.0.255")).toThrow(),
    );
    expect(none).not.toContain("10.1.0.255");
  });

  test("what an outside hand took of links and entries is back with the next look", async () => {
    const { first, c1 } = await pair();
    const inside = (...words: string[]) =>
      Bun.spawnSync(["nsenter", `--net=${first.place.netns}`, ...words]).exitCode;
    const config = { ...blue, mtu, local: localOf(1) };
    const entries = byKey([...here(1), ...elsewhere(2, localOf(2))]);
    expect(inside("bridge", "fdb", "del", mac(2), "dev", "nlx-4097", "self")).toBe(0);
    expect(inside("ip", "neigh", "flush", "all", "nud", "permanent")).toBe(0);
    first.distrust();
    expect(await first.join(config, entries)).toBe(false);
    ping(c1, "fd00::2");
    // Before a whole node spec nothing goes, but what is new comes.
    await first.join(config, byKey(here(1)), { isWhole: false });
    ping(c1, "10.1.0.2");
    expect(inside("ip", "link", "del", "nlx-4097")).toBe(0);
    expect(await first.join(config, entries)).toBe(true);
    for (const address of addresses(2)) ping(c1, address);
  });

  test("frames on the segment meet no rules for packets of its namespace", async () => {
    const { first, c1 } = await pair();
    const inside = (script: string) => {
      const argv = ["nsenter", `--net=${first.place.netns}`, "sh", "-ec", script];
      const { success, stdout, stderr } = Bun.spawnSync(argv);
      if (!success) throw new Error(stderr.toString());
      return stdout.toString().trim();
    };
    inside(
      "nft 'add table inet x; add chain inet x f { type filter hook forward priority 0; policy drop; }'",
    );
    for (const address of addresses(2)) ping(c1, address);
    const file = "/proc/sys/net/bridge/bridge-nf-call-iptables";
    inside(`if [ -e ${file} ]; then echo 1 >${file}; fi`);
    await first.join(
      { ...blue, mtu, local: localOf(1) },
      byKey([...here(1), ...elsewhere(2, localOf(2))]),
    );
    expect(inside(`cat ${file} 2>/dev/null || echo 0`)).toBe("0");
    for (const address of addresses(2)) ping(c1, address);
  });

  test("another UDP port, class of service and address of the host take hold", async () => {
    const { one, two, first, second, c1 } = await pair();
    const changed = { ...blue, mtu, port: 8472, dscp: 46, ttl: 9, checksumOffload: false };
    one.netns.run(
      "ip",
      "addr",
      "add",
      family === "IPv4" ? "192.0.2.77/24" : "2001:db8::77/64",
      "dev",
      "fab",
      ...(family === "IPv4" ? [] : ["nodad"]),
    );
    const moved = family === "IPv4" ? "192.0.2.77" : "2001:db8::77";
    await first.join(
      { ...changed, local: moved },
      byKey([...here(1), ...elsewhere(2, localOf(2))]),
    );
    await second.join(
      { ...changed, local: localOf(2) },
      byKey([...here(2), ...elsewhere(1, moved)]),
    );
    const text = await counted(two.netns, "udp port 8472", () => ping(c1, "10.1.0.2"));
    const inside = ["nsenter", `--net=${first.place.netns}`, "ethtool", "-k", "nlx-4097"];
    expect(Bun.spawnSync(inside).stdout.toString()).toContain("tx-checksumming: off");
    expect(text).toContain(`${moved}.`);
    expect(text).toContain("10.1.0.1 > 10.1.0.2: ICMP echo request");
  });

  test("what is changed by its keys alone is as if all were looked at", async () => {
    const { first } = await pair();
    const config = { ...blue, mtu, local: localOf(1) };
    const view = new SegmentView();
    const ports = Array.from({ length: 6 }, (_, n) => port(n + 2, localOf(n % 2 ? 2 : 3)));
    const peers = new Map([2, 3].map((n) => [localOf(n), peer(localOf(n))]));
    const spec = { type: "overlay", underlayProtocol: family === "IPv6" ? "ipv6" : "ipv4" };
    const network = { metadata: { namespace: "a", name: "blue" }, spec } as Network;
    const steps = [
      ports,
      ports.with(0, port(2, localOf(2))),
      ports.slice(2),
      [],
      ports.slice(0, 1),
      ports,
    ];
    for (const [i, endpoints] of steps.entries()) {
      const { entries, changed } = view.update({ network, endpoints, peers, own: [] });
      expect(changed === undefined).toBe(i === 0);
      await first.join(config, entries, { changed });
      expect(new Map([...heldBy(first)].sort())).toEqual(new Map([...entries].sort()));
    }
    // What is left for now goes with the next that is whole.
    await first.join(config, byKey(here(1)), { isWhole: false });
    expect(heldBy(first).size).toBeGreaterThan(here(1).length);
    await first.join(config, byKey(here(1)), { changed: new Set() });
    expect(heldBy(first)).toEqual(byKey(here(1)));
  });

  test("settings that are asked for no more are as without them", async () => {
    const { first } = await pair();
    const config = { ...blue, mtu, local: localOf(1) };
    const told = () => {
      const argv = [
        "nsenter",
        `--net=${first.place.netns}`,
        "ip",
        "-d",
        "link",
        "show",
        "nlx-4097",
      ];
      return /vxlan id .*/.exec(Bun.spawnSync(argv).stdout.toString())?.[0];
    };
    const before = told();
    await first.join({ ...config, dscp: 46, ttl: 9 }, byKey(here(1)));
    expect(told()).toContain("tos 0xb8 ttl 9");
    await first.join(config, byKey(here(1)));
    expect(told()).toBe(before);
  });

  test("a container that is left where its port moved from does not take its packets", async () => {
    const { first, c1 } = await pair();
    const left = await attach(first, 2, mtu);
    const config = { ...blue, mtu, local: localOf(1) };
    const withMoved = (kind: "behind" | "moved") =>
      byKey([
        ...here(1),
        ...elsewhere(2, localOf(2)).filter((entry) => entry.kind !== "behind"),
        { kind, mac: mac(2) },
      ]);
    /** Echo requests of both families; what is sent to all comes to it too. */
    const asked = () => {
      const [heads, counts] = left
        .run("grep", "^Icmp:", "/proc/net/snmp")
        .split("\n")
        .map((line) => line.split(" "));
      const sixth = /^Icmp6InEchos\s+(\d+)$/m.exec(left.run("cat", "/proc/net/snmp6"))![1];
      return Number(counts![heads!.indexOf("InEchos")]) + Number(sixth);
    };
    for (let turn = 0; turn < 2; turn++) {
      await first.join(config, withMoved("moved"));
      // It shows its hardware address, which is another container's now.
      left.run("sh", "-c", "ping -c 2 -i 0.2 -W 1 10.1.0.1 || true");
      const before = asked();
      for (const address of addresses(2)) ping(c1, address);
      expect(asked()).toBe(before);
      // Back again, and once more.
      await first.join(config, withMoved("behind"));
      ping(c1, "10.1.0.2");
    }
    first.distrust();
    await first.join(config, withMoved("moved"));
    await first.engine.detach({
      ...{ containerId: "c2", ifName: "eth0", network: "default.blue", maker: "netloom" },
    });
    for (const address of addresses(2)) ping(c1, address);
  });

  test("two segments with the same addresses on one host are apart", async () => {
    const { one, c1, c2 } = await pair();
    const red = overlayOn(one, "3333");
    const config = { ...blue, bridge: "nlb-red", network: "default.red", vni: 4098, mtu };
    await red.join({ ...config, local: localOf(1) }, byKey([]));
    const netns = held.use(new ScratchNetns("red"));
    await red.engine.attach({
      ...{ containerId: "r1", ifName: "eth0", network: "default.red", netns: netns.path },
      ...{ maker: "netloom", driver, mac: mac(7) },
      config: driver.parse({ bridge: "nlb-red", mtu }),
      allocation: { ips: [{ address: "10.1.0.1/24" }], routes: [] },
    });
    expect(() => ping(netns, "10.1.0.2", "-W", "1")).toThrow();
    ping(c1, "10.1.0.2");
    expect(c2.run("ip", "neigh")).not.toContain(mac(7));
  });
});

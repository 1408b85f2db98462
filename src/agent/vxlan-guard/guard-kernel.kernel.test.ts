/** Whom the guard keeps out of VXLAN links, and whom it lets in. */
import { expect, test } from "bun:test";
import { Fabric, pings } from "../routed/fabric-fixture.ts";
import { GuardKernel } from "./guard-kernel.ts";

const vni = 77;

/** Three hosts; the second one has a guard that knows of the first. */
function guarded({ underlayProtocol = "ipv4" } = {}) {
  const held = new DisposableStack();
  const fabric = held.use(new Fabric(3));
  const guard = held.use(new GuardKernel("test", fabric.hosts[1]!.netns.path));
  const of = (n: number) => new Set(fabric.underlay(n).map(({ address }) => address));
  expect(fabric.bring({ backend: "vxlan", underlayProtocol }, vni)).toEqual([]);
  expect(fabric.reach()).toEqual(Array(12).fill(true));
  const [one, two, three] = fabric.hosts.map(({ netns, box }) => ({ netns, box }));
  /** Of both families inside, to the second host. */
  const enters = (from: typeof one) =>
    fabric.hosts[1]!.addresses.map((address) => pings(from!.box, address));
  const dispose = () => held.dispose();
  return { fabric, guard, of, one, two: two!, three, enters, [Symbol.dispose]: dispose };
}

const segments = [{ vni, port: 4789 }];
const [yes, no] = [
  [true, true],
  [false, false],
];

test.each(["ipv4", "ipv6"])(
  "a stranger's packets are dropped, a peer's pass, over %s",
  (underlayProtocol) => {
    using world = guarded({ underlayProtocol });
    const { guard, of, one, three, enters, two } = world;
    expect(guard.bring(segments, of(1))).toEqual({ isChanged: true, strays: [] });
    expect([enters(one), enters(three)]).toEqual([yes, no]);
    expect(guard.bring(segments, of(1)).isChanged).toBe(false);
    // One that becomes a peer, and one that ceases to be.
    guard.grow(of(3));
    expect(enters(three)).toEqual(yes);
    const { strays } = guard.bring(segments, of(1));
    expect(strays.sort()).toEqual([...of(3)].sort());
    expect(enters(three)).toEqual(yes);
    guard.shrink(strays);
    expect([enters(one), enters(three)]).toEqual([yes, no]);
    expect([guard.remove(), guard.remove()]).toEqual([true, false]);
    expect(enters(three)).toEqual(yes);
    expect(two.netns.run("nft", "list", "tables")).toBe("");
  },
);

test("links of others on the same port are left alone, and so are segments that it is not told of", () => {
  using world = guarded();
  const { guard, of, two, three, enters } = world;
  for (const [host, n, other] of [
    [two, 2, 3],
    [three!, 3, 2],
  ] as const) {
    host.netns.run(
      "sh",
      "-ec",
      `ip link add foreign type vxlan id 99 dstport 4789 local 198.51.0.1${n} remote 198.51.0.1${other}
      ip addr add 192.0.2.${n}/24 dev foreign; ip link set foreign up`,
    );
  }
  guard.bring(segments, of(1));
  expect([pings(three!.netns, "192.0.2.2"), enters(three)]).toEqual([true, no]);
  guard.bring([{ vni: 99, port: 4789 }], of(1));
  expect([pings(three!.netns, "192.0.2.2"), enters(three)]).toEqual([false, yes]);
  guard.bring([...segments, { vni: 99, port: 8472 }], of(1));
  expect([pings(three!.netns, "192.0.2.2"), enters(three)]).toEqual([true, no]);
});

test("what an outside hand takes or puts there is set right, and no peer is kept out meanwhile", () => {
  using world = guarded();
  const { guard, of, two, one, three, enters } = world;
  guard.bring(segments, of(1));
  const table = "inet netloom_test_vxlan";
  for (const hand of [
    "nft flush ruleset",
    `nft flush chain ${table} input`,
    `nft flush chain ${table} sender`,
    `nft insert rule ${table} sender drop`,
    `nft flush set ${table} hosts4`,
    `nft flush ruleset; nft add table ${table}`,
  ]) {
    two.netns.run("sh", "-ec", hand);
    guard.bring(segments, of(1));
    expect([hand, enters(one), enters(three)]).toEqual([hand, yes, no]);
  }
});

/** Sends a datagram with a segment's packet to the second host over IPv6, in pieces or whole. */
const sending = (cuts: readonly number[]) => `
import socket, struct
src, dst = "2001:db8:a0::13", "2001:db8:a0::12"
inner = bytes.fromhex("ffffffffffff0200000000990800") + b"netloom" * 20
vxlan = bytes.fromhex("0800000000004d00") + inner
udp = struct.pack("!HHHH", 40000, 4789, 8 + len(vxlan), 0) + vxlan
pseudo = socket.inet_pton(10, src) + socket.inet_pton(10, dst) + struct.pack("!II", len(udp), 17)
padded = pseudo + udp + (b"\\0" if len(udp) % 2 else b"")
total = sum(struct.unpack("!%dH" % (len(padded) // 2), padded))
while total >> 16: total = (total & 65535) + (total >> 16)
udp = udp[:6] + struct.pack("!H", 65535 - total or 65535) + udp[8:]
cuts = [0, ${cuts.join(", ")}]
cuts = sorted(set(cuts)) + [len(udp)]
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 44)
for a, b in zip(cuts, cuts[1:]):
    head = struct.pack("!BBHI", 17, 0, a | (1 if b < len(udp) else 0), 4711)
    raw.sendto(head + udp[a:b], (dst, 0))
`;

test.each([
  ["behind UDP's header", [8]],
  ["behind VXLAN's header", [16]],
  ["twice", [8, 16]],
])("a packet that a stranger cuts in two %s does not come in", (_, cuts) => {
  using world = guarded({ underlayProtocol: "ipv6" });
  const { guard, of, two, three } = world;
  const received = () =>
    two.netns.json("ip", "-j", "-s", "link", "show", "nlx-77")[0].stats64.rx.packets;
  const arrives = () => {
    const before = received();
    three!.netns.run("python3", "-c", sending(cuts));
    return received() - before;
  };
  guard.bring([{ vni: 78, port: 4789 }], of(1));
  const open = arrives();
  guard.bring(segments, of(1));
  expect([open > 0, arrives()]).toEqual([cuts[0] !== 8, 0]);
  guard.remove();
  expect(arrives()).toBe(1);
});

test("a container does not speak to other hosts' segments with its host's address", () => {
  using world = guarded();
  const { guard, of, two, one } = world;
  const masquerade = "type nat hook postrouting priority 100; oifname up0 masquerade;";
  two.netns.run("nft", `table ip hosts { chain out { ${masquerade} }; }`);
  const hears = () => {
    const rx = () =>
      one!.netns.json("ip", "-j", "-s", "link", "show", "nlx-77")[0].stats64.rx.packets;
    const before = rx();
    const hex = `0800000000004d00${"ff".repeat(6)}0200000000990800${"45".repeat(40)}`;
    two.box.run(
      "python3",
      "-c",
      `import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes.fromhex("${hex}"), ("198.51.0.11", 4789))`,
    );
    return rx() - before;
  };
  expect(hears()).toBe(1);
  guard.bring(segments, of(1));
  expect(hears()).toBe(0);
  expect(pings(two.box, "198.51.0.11")).toBe(true);
});

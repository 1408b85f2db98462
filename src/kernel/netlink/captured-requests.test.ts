/** What `ip` and `bridge` asked of the kernel: our requests for the same must say the same. */
import { describe, expect, test } from "bun:test";
import { Writer } from "../../lib/bytes.ts";
import { addAddress, removeAddress } from "./address.ts";
import { addBridgeVlans, removeBridgeVlans } from "./bridge-vlan.ts";
import { exchange, layoutOf } from "./captured.ts";
import { appendFdbEntry, replaceFdbEntry } from "./fdb.ts";
import { changeLink, createLink, deleteLink } from "./link.ts";
import { decode, encode, type Message, messages, nlmF, type Request } from "./message.ts";
import { replaceNeigh } from "./neigh.ts";
import { addRoute, removeRoute } from "./route.ts";
import { addRule } from "./rule.ts";
import { vlanFlag } from "./vlan.ts";

/** What a request says, without its number. */
function saying(message: Message) {
  const { type, flags } = message;
  const layout = layoutOf(message)!;
  return { type, flags: flags & ~nlmF.ack, ...decode(message, layout) };
}

function ours(item: Request): Message {
  const out = new Writer();
  encode(out, item, item.flags, 1);
  return messages(out.bytes)[0]!;
}

const mac = (last: string) => `02:00:00:00:00:${last}`;

const rule = {
  family: 2,
  src: "10.1.0.0/16",
  mark: 0x1000000,
  mask: 0x3f000000,
  table: 10800,
  priority: 10800,
};

/** What `bridge` calls permanent is two states at once: 0x80 and 0x40. */
const remote = { index: 8, table: "self", dst: "192.0.2.2", state: 0xc0 } as const;

/** Commands, and our request for the same. */
const pairs: [string, Request][] = [
  [
    "ip link add name br0",
    createLink({
      name: "br0",
      kind: "bridge",
      index: 5,
      mac: mac("01"),
      bridge: { ageingTimeCs: 12000, multicastSnooping: false },
    }),
  ],
  ["ip link set dev v master br0", changeLink({ index: 6 }, { master: 5 })],
  ["ip link set dev v alias", changeLink({ index: 6 }, { alias: "netloom:cni:0123456789abcdef" })],
  ["ip link set dev v up promisc", changeLink({ index: 6 }, { up: true, promisc: true })],
  ["ip link set dev br0 up group", changeLink({ index: 5 }, { up: true, group: 108 })],
  ["ip link set dev br0 addrgenmode", changeLink({ index: 5 }, { addrGenMode: "none" })],
  [
    "ip link add link v name iv0",
    createLink({
      name: "iv0",
      kind: "ipvlan",
      index: 8,
      link: 6,
      ipvlan: { mode: "l3s", flag: "private" },
    }),
  ],
  [
    "ip link add link v name iv1",
    createLink({
      name: "iv1",
      kind: "ipvlan",
      index: 8,
      link: 6,
      mtu: 1300,
      ipvlan: { mode: "l2", flag: "bridge" },
    }),
  ],
  [
    "ip link add link v name v.7",
    createLink({
      name: "v.7",
      kind: "vlan",
      index: 8,
      link: 6,
      vlan: {
        id: 7,
        protocol: "802.1ad",
        flags: { flags: vlanFlag.gvrp, mask: vlanFlag.gvrp | vlanFlag.reorderHeader },
      },
    }),
  ],
  ["ip link add name d0", createLink({ name: "d0", kind: "dummy", index: 8, mtu: 1300 })],
  [
    "ip link add name x4",
    createLink({
      ...{ name: "x4", kind: "vxlan", index: 8, mtu: 1450 },
      vxlan: {
        ...{ id: 4097, local: "192.0.2.1", port: 4789, ttl: 64, tos: 0x28 },
        ...{ learning: false, df: "set" },
      },
    }),
  ],
  [
    "ip link add name x6",
    createLink({
      ...{ name: "x6", kind: "vxlan", index: 9 },
      vxlan: {
        ...{ id: 16777215, local6: "2001:db8::1", port: 8472, tos: 1, learning: false },
        portRange: { low: 10000, high: 20000 },
      },
    }),
  ],
  ["bridge fdb append", appendFdbEntry({ ...remote, mac: "00:00:00:00:00:00" })],
  ["bridge fdb replace 02:00:00:00:00:0a", replaceFdbEntry({ ...remote, mac: mac("0a") })],
  [
    "bridge vlan add dev v vid 10",
    addBridgeVlans({ index: 6 }, [{ vid: 10, pvid: true, untagged: true }]),
  ],
  ["bridge vlan add dev v vid 20-30", addBridgeVlans({ index: 6 }, [{ vid: 20, vidEnd: 30 }])],
  ["bridge vlan add dev br0", addBridgeVlans({ index: 5, self: true }, [{ vid: 40 }])],
  ["bridge vlan del dev v", removeBridgeVlans({ index: 6 }, [{ vid: 20, vidEnd: 30 }])],
  [
    "ip addr add 10.1.0.1/24 brd",
    addAddress({ index: 5, address: "10.1.0.1/24", broadcast: "10.1.0.255" }),
  ],
  ["ip addr add fd00::1/64", addAddress({ index: 5, address: "fd00::1/64", dad: false })],
  ["ip addr del 10.1.0.99/24", removeAddress({ index: 5, address: "10.1.0.99/24" })],
  ["ip route add default", addRoute({ dst: "0.0.0.0/0", gateway: "10.1.0.9" })],
  [
    "ip route add 10.9.0.0/16",
    addRoute({
      dst: "10.9.0.0/16",
      gateway: "10.1.0.9",
      priority: 77,
      mtu: 1300,
      advmss: 1200,
      source: "10.1.0.1",
      protocol: 3,
    }),
  ],
  [
    "ip route add 10.10.0.0/16",
    addRoute({
      dst: "10.10.0.0/16",
      table: 10800,
      protocol: 3,
      nextHops: [
        { gateway: "10.1.0.9", weight: 3 },
        { gateway: "10.1.0.8", onlink: true, oif: 5 },
      ],
    }),
  ],
  [
    "ip route add 10.11.0.0/16",
    addRoute({ dst: "10.11.0.0/16", gateway: "fd00::9", oif: 5, protocol: 3 }),
  ],
  ["ip route add blackhole", addRoute({ dst: "10.12.0.0/16", type: "blackhole", protocol: 3 })],
  [
    "ip route add fd99::/64",
    addRoute({ dst: "fd99::/64", gateway: "fd00::9", mtu: 1300, protocol: 3 }),
  ],
  ["ip route del 10.12.0.0/16", removeRoute({ dst: "10.12.0.0/16" })],
  ["ip neigh replace 10.1.0.7", replaceNeigh({ index: 5, dst: "10.1.0.7", mac: mac("07") })],
  // What `bridge` calls static is two states at once: 0x40 and 0x02.
  [
    `bridge fdb replace ${mac("09")}`,
    replaceFdbEntry({ index: 6, mac: mac("09"), table: "master", state: 0x42 }),
  ],
  ["ip rule add from 10.1.0.0/16", addRule(rule)],
  ["ip link del dev v", deleteLink({ index: 6 })],
];

describe("a request says what the tool's says", () => {
  for (const [command, item] of pairs) {
    test(command, () => {
      const { sent } = exchange(command);
      expect(saying(ours(item))).toEqual(saying(sent.at(-1)!));
    });
  }
});

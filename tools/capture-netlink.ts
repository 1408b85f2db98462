/**
 * Captures what the field's own tools and the kernel say to each other, for tests of our codecs:
 * `bun tools/capture-netlink.ts > src/kernel/netlink/captured-messages.txt`, as root, with strace.
 */
import { readFileSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { ScratchNetns } from "../src/kernel/netns/scratch.ts";

const trace = join(tmpdir(), `capture-${process.pid}.strace`);
const mac = (last: string) => `02:00:00:00:00:${last}`;

/** In this order, in one namespace; a line with `; true` may fail. PEER stands for another one. */
const commands = [
  `ip link add name br0 index 5 address ${mac("01")} type bridge ageing_time 12000 mcast_snooping 0`,
  `ip link add name v index 6 mtu 1400 address ${mac("02")} type veth peer name eth0 index 7 mtu 1400 address ${mac("03")} netns PEER`,
  "ip link set dev v master br0",
  "ip link set dev v alias netloom:cni:0123456789abcdef",
  "ip link set dev v up promisc on",
  "ip link set dev br0 up group 108",
  "ip link set dev br0 addrgenmode none",
  "ip link add link v name iv0 index 8 type ipvlan mode l3s private; true",
  "ip link add link v name iv1 index 8 mtu 1300 type ipvlan mode l2; true",
  "ip link add link v name v.7 index 8 type vlan protocol 802.1ad id 7 gvrp on reorder_hdr off; true",
  "ip link add name d0 index 8 mtu 1300 type dummy; true",
  "ip link add name x4 index 8 mtu 1450 type vxlan id 4097 local 192.0.2.1 dstport 4789 nolearning ttl 64 tos 0x28 df set",
  "ip link add name x6 index 9 type vxlan id 16777215 local 2001:db8::1 dstport 8472 srcport 10000 20000 nolearning tos inherit",
  `bridge fdb append 00:00:00:00:00:00 dev x4 dst 192.0.2.2 self permanent`,
  `bridge fdb replace ${mac("0a")} dev x4 dst 192.0.2.2 self permanent`,
  "ip link del dev x4",
  "ip link del dev x6",
  "bridge link set dev v hairpin on isolated on learning off flood off",
  "bridge vlan add dev v vid 10 pvid untagged; true",
  "bridge vlan add dev v vid 20-30; true",
  "bridge vlan add dev br0 vid 40 self; true",
  "bridge vlan del dev v vid 20-30; true",
  "ip addr add 10.1.0.1/24 brd + dev br0",
  "ip addr add fd00::1/64 dev br0 nodad",
  "ip addr add 10.1.0.1/24 dev br0; true",
  "ip addr del 10.1.0.99/24 dev br0; true",
  "ip route add default via 10.1.0.9 proto 108",
  "ip route add 10.9.0.0/16 via 10.1.0.9 metric 77 mtu 1300 advmss 1200 src 10.1.0.1",
  "ip route add 10.10.0.0/16 table 10800 nexthop via 10.1.0.9 weight 3 nexthop via 10.1.0.8 onlink dev br0",
  "ip route add 10.11.0.0/16 via inet6 fd00::9 dev br0",
  "ip route add blackhole 10.12.0.0/16",
  "ip route add fd99::/64 via fd00::9 mtu 1300",
  "ip route add 10.13.0.0/16 via 192.0.2.1; true",
  "ip route del 10.12.0.0/16",
  "ip route get 192.0.2.7",
  `ip neigh replace 10.1.0.7 lladdr ${mac("07")} dev br0 nud permanent protocol 108`,
  `ip neigh replace fd00::7 lladdr ${mac("07")} dev br0 nud permanent`,
  "ip neigh del 10.1.0.8 dev br0; true",
  `bridge fdb replace ${mac("09")} dev v master static`,
  "ip rule add from 10.1.0.0/16 fwmark 0x1000000/0x3f000000 lookup 10800 priority 10800 proto 108",
  "ip rule add ipproto udp dport 53 iif v lookup 100 priority 10801",
  "conntrack -I -p udp -s 198.51.100.1 -d 192.0.2.1 --sport 4001 --dport 5353 -t 120 -w 7",
  "conntrack -I -p udp -s fd00::1 -d fd00::2 --sport 4002 --dport 53 -t 120",
  "ip -d -j link show",
  "ip -j addr show",
  "ip -j -N route show table all",
  "ip -j neigh show",
  "bridge -j fdb show",
  "ip -j -N rule show",
  "conntrack -L -o id",
  "conntrack -D -p udp -s fd00::1 -d fd00::2 --sport 4002 --dport 53",
  "ip rule del from 10.1.0.0/16 fwmark 0x1000000/0x3f000000 lookup 10800 priority 10800 proto 108",
  "ip link del dev v",
];

/** The messages of a trace: `>` sent, `<` received. */
function messagesOf(text: string): string[] {
  const found: string[] = [];
  let sign = "";
  for (const line of text.split("\n")) {
    const call = /^(?:\d+\s+)?(sendmsg|sendto|recvmsg|recvfrom)\((.*)/.exec(line);
    // A look at the length of what waits shows nothing, or the same that comes after it.
    if (call) sign = call[2]!.includes("MSG_PEEK") ? "" : call[1]!.startsWith("send") ? ">" : "<";
    const dump = /^ \| ([0-9a-f]+) {2}(.*) {2}.*\|$/.exec(line);
    if (!dump || sign === "") continue;
    const hex = dump[2]!.slice(0, 49).replaceAll(" ", "");
    if (dump[1] === "00000") found.push(`${sign} ${hex}`);
    else found.push(`${found.pop()}${hex}`);
  }
  return found;
}

/** Runs one command under strace, and gives its lines of the file. */
function capture(netns: ScratchNetns, peer: ScratchNetns, command: string): string[] {
  const [words, mayFail] = command.replace("PEER", peer.name).split("; ");
  const calls = "trace=sendmsg,sendto,recvmsg,recvfrom";
  const strace = ["strace", "-f", "-o", trace, "-e", calls, "-e", "read=all", "-e", "write=all"];
  const script = `${strace.join(" ")} ${words} ${mayFail ? "2>/dev/null || true" : ""}`;
  const printed = netns.run("sh", "-ec", script).trim();
  return [
    `$ ${words!.replace(peer.name, "PEER")}`,
    ...messagesOf(readFileSync(trace, "utf8")),
    ...printed.split("\n").map((line) => (line === "" ? "" : `= ${line}`)),
  ].filter((line) => line !== "");
}

using netns = new ScratchNetns("capture");
using peer = new ScratchNetns("peer");
try {
  const tool = Bun.spawnSync(["ip", "-V"]).stdout.toString().trim();
  const lines = [
    `# Captured by tools/capture-netlink.ts on Linux ${release().replace(/-.*/, "")}, ${tool}.`,
    "# In a fresh namespace each command ran under `strace -e read=all -e write=all`.",
    "# `$` is the command, `>` a datagram that it sent, `<` one of the kernel's, `=` what it printed.",
  ];
  for (const command of commands) lines.push("", ...capture(netns, peer, command));
  console.log(lines.join("\n"));
} finally {
  rmSync(trace, { force: true });
}

/** The shape of our skeleton, proven with real packets: masquerade, published ports, hairpin. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { NftTableSpec } from "../../model/nft.ts";
import { inNetns } from "../netns/netns.ts";
import { Libnftables } from "./libnftables.ts";
import { PacketStage, type Place, type Probe } from "./packet-stage.ts";
import { tableScript } from "./spec.ts";

const table: NftTableSpec = {
  family: "inet",
  name: "netloom_cni",
  sets: [{ name: "hairpin", key: ["ifname", "ifname"] }],
  maps: [
    { name: "masq4", key: ["ipv4_addr"], data: "verdict" },
    { name: "masq6", key: ["ipv6_addr"], data: "verdict" },
    {
      name: "port4",
      key: ["inet_proto", "inet_service"],
      data: ["ipv4_addr", "inet_service"],
    },
    {
      name: "port6",
      key: ["inet_proto", "inet_service"],
      data: ["ipv6_addr", "inet_service"],
    },
    {
      name: "addrport4",
      key: ["ipv4_addr", "inet_proto", "inet_service"],
      data: ["ipv4_addr", "inet_service"],
    },
    {
      name: "addrport6",
      key: ["ipv6_addr", "inet_proto", "inet_service"],
      data: ["ipv6_addr", "inet_service"],
    },
  ],
  chains: [
    {
      // With route_localnet on a bridge, nothing from a wire may claim to be loopback's.
      name: "loopback_guard",
      hook: { type: "filter", hook: "prerouting", priority: -300 },
      rules: [
        'iifname != "lo" ip daddr 127.0.0.0/8 drop',
        'iifname != "lo" ip saddr 127.0.0.0/8 drop',
      ],
    },
    {
      name: "publish",
      rules: [
        "meta nfproto ipv4 dnat ip to ip daddr . meta l4proto . th dport map @addrport4",
        "meta nfproto ipv4 dnat ip to meta l4proto . th dport map @port4",
        "ip6 daddr ::1 return",
        "meta nfproto ipv6 dnat ip6 to ip6 daddr . meta l4proto . th dport map @addrport6",
        "meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @port6",
      ],
    },
    {
      name: "prerouting",
      hook: { type: "nat", hook: "prerouting", priority: -110 },
      rules: ["fib daddr type local jump publish"],
    },
    {
      name: "output",
      hook: { type: "nat", hook: "output", priority: -110 },
      rules: ["fib daddr type local jump publish"],
    },
    {
      name: "forward",
      hook: { type: "filter", hook: "forward", priority: -10 },
      rules: ["ct status dnat iifname . oifname @hairpin meta mark set meta mark | 0x01000000"],
    },
    {
      name: "postrouting",
      hook: { type: "nat", hook: "postrouting", priority: 90 },
      rules: [
        "meta mark & 0x01000000 == 0x01000000 masquerade",
        'ct status dnat ip saddr 127.0.0.0/8 oifname != "lo" masquerade',
        "ip saddr vmap @masq4",
        "ip6 saddr vmap @masq6",
      ],
    },
    {
      // One a network: what stays inside it keeps its source.
      name: "masq_blue",
      rules: [
        "ip daddr { 10.66.0.0/24, 224.0.0.0/4 } return",
        "ip6 daddr { fd66::/64, ff00::/8 } return",
        "masquerade",
      ],
    },
  ],
};

const elements = [
  "masq4 { 10.66.0.2 : goto masq_blue }",
  "masq6 { fd66::2 : goto masq_blue }",
  "port4 { tcp . 8080 : 10.66.0.2 . 80, udp . 8080 : 10.66.0.2 . 80, tcp . 8081 : 10.66.0.3 . 80, sctp . 8080 : 10.66.0.2 . 80 }",
  "port6 { tcp . 8080 : fd66::2 . 80, udp . 8080 : fd66::2 . 80, tcp . 8081 : fd66::3 . 80, sctp . 8080 : fd66::2 . 80 }",
  "addrport4 { 192.0.2.11 . tcp . 8080 : 10.66.0.3 . 80, 192.0.2.11 . udp . 9090 : 10.66.0.3 . 80 }",
  "addrport6 { 2001:db8::11 . tcp . 8080 : fd66::3 . 80, 2001:db8::11 . udp . 9090 : fd66::3 . 80 }",
].map((text) => `add element inet netloom_cni ${text}`);

let stage: PacketStage;
beforeAll(async () => {
  stage = await PacketStage.open("nlnft-pk-");
  const hairpin = 'add element inet netloom_cni hairpin { "br0" . "br0" }';
  const script = [...tableScript(table, { chains: [], mistyped: [] }), ...elements, hairpin];
  inNetns(stage.path("host"), () => {
    using nftables = new Libnftables();
    nftables.run(script.join("\n"));
  });
  stage.run("host", "sysctl", "-qw", "net.ipv4.conf.br0.route_localnet=1");
});
afterAll(() => stage[Symbol.asyncDispose]());

/** [from, protocol, to, port, answer] */
function answers(cases: readonly (readonly [Place, Probe["proto"], string, number, string])[]) {
  for (const place of new Set(cases.map(([from]) => from))) {
    const asked = cases.filter(([from]) => from === place);
    const probes = asked.map(([, proto, to, port]) => ({ proto, to, port }));
    const got = stage.ask(place, probes);
    expect(asked.map(([from, ...rest], i) => [from, ...rest.slice(0, 3), got[i]])).toEqual(
      asked as never,
    );
  }
}

test("a container in the map leaves with the host's address, its network and others apart", () => {
  answers([
    ["a", "tcp", "192.0.2.9", 80, "client 192.0.2.1"],
    ["a", "udp", "192.0.2.9", 80, "client 192.0.2.1"],
    ["a", "tcp", "2001:db8::9", 80, "client 2001:db8::1"],
    ["a", "tcp", "10.66.0.3", 80, "b 10.66.0.2"],
    ["a", "udp", "fd66::3", 80, "b fd66::2"],
    ["b", "tcp", "192.0.2.9", 80, "client 10.66.0.3"],
    ["b", "udp", "2001:db8::9", 80, "client fd66::3"],
  ]);
});

test("a published port leads in from outside, on any address, with the client's own address", () => {
  answers([
    ["client", "tcp", "192.0.2.1", 8080, "a 192.0.2.9"],
    ["client", "udp", "192.0.2.1", 8080, "a 192.0.2.9"],
    ["client", "tcp", "2001:db8::1", 8080, "a 2001:db8::9"],
    ["client", "udp", "2001:db8::1", 8080, "a 2001:db8::9"],
    ["client", "tcp", "10.66.0.1", 8081, "b 192.0.2.9"],
    ["client", "tcp", "192.0.2.1", 8082, "ConnectionRefusedError"],
  ]);
});

test("a port published on one address wins over any address, and is only there", () => {
  answers([
    ["client", "tcp", "192.0.2.11", 8080, "b 192.0.2.9"],
    ["client", "udp", "192.0.2.11", 9090, "b 192.0.2.9"],
    ["client", "tcp", "2001:db8::11", 8080, "b 2001:db8::9"],
    ["client", "udp", "2001:db8::11", 9090, "b 2001:db8::9"],
    ["client", "udp", "192.0.2.1", 9090, "ConnectionRefusedError"],
    ["client", "udp", "2001:db8::1", 9090, "ConnectionRefusedError"],
  ]);
});

test("traffic to addresses that are not local passes untranslated", () => {
  answers([
    ["a", "tcp", "192.0.2.9", 8080, "client 192.0.2.1"],
    ["client", "tcp", "10.66.0.3", 8080, "b 192.0.2.9"],
    ["client", "udp", "fd66::3", 8080, "b 2001:db8::9"],
  ]);
});

describe("containers reach themselves and neighbours through the published port", () => {
  const cases = [
    ["a", "tcp", "192.0.2.1", 8080, "a 10.66.0.1"],
    ["a", "udp", "10.66.0.1", 8080, "a 10.66.0.1"],
    ["a", "tcp", "2001:db8::1", 8080, "a fd66::1"],
    ["a", "tcp", "192.0.2.1", 8081, "b 10.66.0.1"],
    ["b", "udp", "2001:db8::1", 8080, "a fd66::1"],
  ] as const;
  const bridgeFilter = (on: 0 | 1) => {
    const names = ["arptables", "iptables", "ip6tables"];
    for (const name of names)
      stage.run("host", "sysctl", "-qw", `net.bridge.bridge-nf-call-${name}=${on}`);
  };
  const hairpinMode = (mode: "on" | "off") =>
    stage.run("host", "bridge", "link", "set", "dev", "port-a", "hairpin", mode);

  test("when bridged frames bypass inet's hooks, whatever the bridge port's hairpin mode", () => {
    bridgeFilter(0);
    answers(cases);
    hairpinMode("on");
    answers(cases);
  });
  // The bridge translates the frame itself and would have to send it back where it came from.
  test("when bridged frames pass inet's hooks, with the bridge port's hairpin mode on", () => {
    bridgeFilter(1);
    answers(cases);
    hairpinMode("off");
    answers([...cases.slice(3), ["a", "udp", "10.66.0.1", 8080, "TimeoutError"]]);
  });
});

test("the host reaches its published ports, by loopback too in IPv4", () => {
  answers([
    ["host", "tcp", "192.0.2.1", 8080, "a 192.0.2.1"],
    ["host", "udp", "127.0.0.1", 8080, "a 10.66.0.1"],
    ["host", "tcp", "127.0.0.1", 8080, "a 10.66.0.1"],
    ["host", "tcp", "2001:db8::1", 8080, "a 2001:db8::1"],
    ["host", "tcp", "::1", 8080, "ConnectionRefusedError"],
  ]);
});

/** Frames and raw packets that no ordinary socket sends, and a listener that reports what came. */
const crafted = `
import socket, struct, sys
def crc32c(data):
  crc = 0xffffffff
  for byte in data:
    crc ^= byte
    for _ in range(8): crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
  return struct.pack("<I", crc ^ 0xffffffff)
def sctp(dport):
  init = struct.pack("!BBHIIHHI", 1, 0, 20, 7, 65535, 1, 1, 9)
  head = struct.pack("!HHI", 5000, dport, 0)
  return head + crc32c(head + bytes(4) + init) + init
def total(data):
  s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
  s = (s & 0xffff) + (s >> 16); s = (s & 0xffff) + (s >> 16)
  return ~s & 0xffff
verb, to = sys.argv[1], sys.argv[2]
v6 = ":" in to
if verb == "sctp":
  x = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, 132)
  x.sendto(sctp(int(sys.argv[3])), (to, 0))
if verb == "frame":
  x = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); x.bind(("eth0", 0))
  gateway = bytes.fromhex(sys.argv[4].replace(":", ""))
  udp = struct.pack("!HHHH", 4444, int(sys.argv[3]), 9, 0) + b"?"
  ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + socket.inet_aton("10.66.0.2") + socket.inet_aton(to)
  ip = ip[:10] + struct.pack("!H", total(ip)) + ip[12:]
  x.send(gateway + bytes([2, 0, 0, 0, 0, 1]) + b"\\x08\\x00" + ip + udp)`;

const listener = `
import socket, struct, sys
verb, family = sys.argv[1], socket.AF_INET6 if sys.argv[2] == "6" else socket.AF_INET
if verb == "sctp":
  x = socket.socket(family, socket.SOCK_RAW, 132)
else:
  x = socket.socket(family, socket.SOCK_DGRAM); x.bind(("127.0.0.1", int(sys.argv[3])))
x.settimeout(1)
print("ready", flush=True)
try:
  data = x.recv(2048)
  if verb == "sctp":
    if family == socket.AF_INET: data = data[20:]
    print(struct.unpack("!HH", data[:4])[1])
  else: print("arrived")
except TimeoutError: print("nothing")`;

/** Starts a listener at a place, sends from another, and gives what the listener printed. */
async function heard(where: Place, listen: string[], from: Place, send: string[]): Promise<string> {
  const command = ["nsenter", `--net=${stage.path(where)}`, "python3", "-c", listener, ...listen];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    if (text === "" && chunk.length > 0) stage.run(from, "python3", "-c", crafted, ...send);
    text += decoder.decode(chunk);
  }
  return text.replace("ready\n", "").trim();
}

test("a crafted SCTP packet arrives with its port translated, in both families", async () => {
  for (const [family, host] of [
    ["4", "192.0.2.1"],
    ["6", "2001:db8::1"],
  ] as const) {
    const got = await heard("a", ["sctp", family], "client", ["sctp", host, "8080"]);
    expect(`${family}: ${got}`).toBe(`${family}: 80`);
  }
});

describe("route_localnet is safe", () => {
  const send = async () => {
    const link = JSON.parse(stage.run("host", "ip", "-j", "link", "show", "br0"));
    const frame = ["frame", "127.0.0.1", "7777", link[0].address];
    return heard("host", ["udp", "4", "7777"], "a", frame);
  };
  test("a container's frame to 127.0.0.1 is dropped", async () => {
    expect(await send()).toBe("nothing");
  });
  test("without the guard's rules it would arrive, so the case above can fail", async () => {
    stage.run("host", "nft", "flush chain inet netloom_cni loopback_guard");
    expect(await send()).toBe("arrived");
  });
});

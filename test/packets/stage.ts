/**
 * Namespaces for tests with real packets: a host with a bridge and two containers, a client
 * outside. Addresses: bridge 10.66.0.1 and fd66::1, containers .2 and .3, uplink 192.0.2.1 (also
 * .11) and 2001:db8::1 (also ::11), client 192.0.2.9 and 2001:db8::9.
 */
import { createNetns, namedNetnsDir, removeNetns } from "../../src/kernel/netns/netns.ts";

export type Place = "host" | "client" | "a" | "b";
const places: readonly Place[] = ["host", "client", "a", "b"];

/** One question to a server, from some place. The answer: `<name of the server> <source seen>`. */
export interface Probe {
  readonly proto: "tcp" | "udp";
  readonly to: string;
  readonly port: number;
}

const setUp = `
at() { where=$1; shift; ip -n "$P$where" "$@"; }
for n in host client a b; do
  at $n link set lo up
  ip netns exec $P$n sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
done
at host link add up0 type veth peer name eth0 netns "$P"client
at host link add br0 type bridge
at host link set br0 up
for n in a b; do
  at host link add port-$n type veth peer name eth0 netns "$P$n"
  at host link set port-$n master br0 up
  at $n link set eth0 up
done
at host link set up0 up; at client link set eth0 up
at host addr add 10.66.0.1/24 dev br0; at host addr add fd66::1/64 dev br0 nodad
for x in 192.0.2.1/24 192.0.2.11/24; do at host addr add $x dev up0; done
# Masquerade takes the address added last in IPv6, the first in IPv4.
for x in 2001:db8::11/64 2001:db8::1/64; do at host addr add $x dev up0 nodad; done
at client addr add 192.0.2.9/24 dev eth0; at client addr add 2001:db8::9/64 dev eth0 nodad
at client route add 10.66.0.0/24 via 192.0.2.1; at client route add fd66::/64 via 2001:db8::1
at a addr add 10.66.0.2/24 dev eth0; at a addr add fd66::2/64 dev eth0 nodad
at b addr add 10.66.0.3/24 dev eth0; at b addr add fd66::3/64 dev eth0 nodad
for n in a b; do at $n route add default via 10.66.0.1; at $n route add default via fd66::1; done
ip netns exec "$P"host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1`;

const server = `
import socket, selectors, sys
name, ports = sys.argv[1], [int(p) for p in sys.argv[2:]]
s = selectors.DefaultSelector()
for port in ports:
  for family, any in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
      x = socket.socket(family, kind)
      if family == socket.AF_INET6: x.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
      x.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      x.bind((any, port))
      if kind == socket.SOCK_STREAM: x.listen(16)
      s.register(x, selectors.EVENT_READ)
print("ready", flush=True)
while True:
  for key, _ in s.select():
    x = key.fileobj
    if x.type == socket.SOCK_STREAM:
      c, peer = x.accept(); c.sendall((name + " " + peer[0]).encode()); c.close()
    else:
      _, peer = x.recvfrom(64); x.sendto((name + " " + peer[0]).encode(), peer)`;

const client = `
import socket, json, sys
def ask(p):
  family = socket.AF_INET6 if ":" in p["to"] else socket.AF_INET
  x = socket.socket(family, socket.SOCK_STREAM if p["proto"] == "tcp" else socket.SOCK_DGRAM)
  x.settimeout(3)
  try:
    x.connect((p["to"], p["port"]))
    if p["proto"] == "udp": x.send(b"?")
    return x.recv(64).decode()
  except OSError as e:
    return type(e).__name__
print(json.dumps([ask(p) for p in json.loads(sys.argv[1])]))`;

/** Four namespaces with servers on ports 80 and 8080 in the containers and the client. */
export class PacketStage implements AsyncDisposable {
  readonly #prefix: string;
  readonly #servers: Bun.Subprocess[] = [];

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Builds it all; `prefix` begins the namespaces' names. */
  static async open(prefix: string): Promise<PacketStage> {
    const stage = new PacketStage(prefix);
    try {
      for (const place of places) createNetns(stage.path(place));
      const made = Bun.spawnSync(["sh", "-ec", setUp], { env: { ...process.env, P: prefix } });
      if (!made.success) throw new Error(`set-up failed: ${made.stderr}`);
      await Promise.all((["client", "a", "b"] as const).map((place) => stage.#serve(place)));
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  path(place: Place): string {
    return `${namedNetnsDir}/${this.#prefix}${place}`;
  }

  async #serve(place: Place): Promise<void> {
    const command = ["python3", "-c", server, place, "80", "8080"];
    const child = Bun.spawn(["nsenter", `--net=${this.path(place)}`, ...command], {
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#servers.push(child);
    // Reading on keeps the pipe open; a first chunk may be empty.
    const reader = child.stdout.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`the server in "${place}" did not start`);
      if (value.length > 0) return;
    }
  }

  /** Runs a command at a place; what it prints. Throws when it fails. */
  run(place: Place, ...command: string[]): string {
    const result = Bun.spawnSync(["nsenter", `--net=${this.path(place)}`, ...command]);
    if (!result.success) throw new Error(`${command.join(" ")}: ${result.stderr}`);
    return result.stdout.toString();
  }

  /** Asks from a place; the answers in order, or the name of Python's exception. */
  ask(from: Place, probes: readonly Probe[]): string[] {
    return JSON.parse(this.run(from, "python3", "-c", client, JSON.stringify(probes))) as string[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#servers) child.kill();
    await Promise.all(this.#servers.map((child) => child.exited));
    for (const place of places) {
      try {
        removeNetns(this.path(place));
      } catch {
        // Set-up may have failed before this one was made.
      }
    }
  }
}

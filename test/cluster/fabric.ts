/**
 * What joins the hosts of a cluster: segments of layer 2, each a bridge in a namespace of its own,
 * a router between them, and a link to where tests and control plane run. One at a time.
 */

import { shell } from "../support/run.ts";
import type { FabricPort } from "../support/test-host.ts";
import { lan } from "../support/test-host.ts";

export interface FabricOptions {
  /** How many segments; a router is there for one too. */
  readonly segments?: number;
  /** Bytes that its links carry. */
  readonly mtu?: number;
}

/** Of a segment: its prefix in each family, and who has the first addresses. */
export const prefix4 = (segment: number) => `198.18.${segment}`;
export const prefix6 = (segment: number) => `2001:db8:18:${segment === 0 ? "" : `${segment}:`}`;
const router = 1;
const control = 2;
/** The first host's; those below are the fabric's. */
const firstHost = 11;
const bridge = "lan";

/** Where servers are, as hosts see it. */
export const controlAt = [`${prefix4(0)}.${control}`, `${prefix6(0)}:${control}`] as const;

let made = 0;

export class Fabric {
  readonly mtu: number;
  /** The namespaces of the segments' bridges. */
  readonly segments: readonly string[];
  readonly router: string;
  readonly #link: string;

  private constructor({ segments = 1, mtu = 1500 }: FabricOptions) {
    // As test hosts' namespaces are named, so that what a killed run left is found.
    const name = `nlt${process.pid}-0${++made}`;
    this.#link = `nlf${made}`;
    this.router = `${name}r`;
    this.segments = Array.from({ length: segments }, (_, i) => `${name}s${i}`);
    this.mtu = mtu;
  }

  static async make(options: FabricOptions = {}): Promise<Fabric> {
    const fabric = new Fabric(options);
    await shell(fabric.#script());
    return fabric;
  }

  /** The place of the host with this number, in its segment. */
  port(host: number, link: string): FabricPort {
    const segment = host % this.segments.length;
    const number = firstHost + host;
    return {
      link,
      netns: this.segments[segment]!,
      bridge,
      bridgePort: `h${host + 1}`,
      addresses: [`${prefix4(segment)}.${number}/24`, `${prefix6(segment)}:${number}/64`],
      gateways: [`${prefix4(segment)}.${router}`, `${prefix6(segment)}:${router}`],
    };
  }

  /** Nothing comes or goes by this link, and its ends don't see why, as behind a dead switch. */
  async cut({ netns, bridgePort }: FabricPort): Promise<void> {
    await shell(`ip -n ${netns} link set ${bridgePort} nomaster`);
  }

  async heal({ netns, bridgePort }: FabricPort): Promise<void> {
    await shell(`ip -n ${netns} link set ${bridgePort} master ${bridge}`);
  }

  /** Drops in all segments what these addresses say to each other, from now on or no more. */
  async block(one: readonly string[], other: readonly string[], isOn = true): Promise<void> {
    const change = isOn ? "add" : "delete";
    const lines = one.flatMap((a) =>
      other
        .filter((b) => isSixth(a) === isSixth(b))
        .map((b) => {
          const set = isSixth(a) ? "cut6" : "cut4";
          return `${change} element bridge faults ${set} { ${a} . ${b}, ${b} . ${a} }`;
        }),
    );
    const script = `nft -f - <<'END'\n${lines.join("\n")}\nEND`;
    for (const netns of this.segments) await shell(script, { netns });
  }

  /** Without waiting for anything but the kernel. */
  removeNow(): void {
    const names = [...this.segments, this.router];
    const lines = names.map((name) => `ip netns del ${name} 2>/dev/null`);
    Bun.spawnSync(["sh", "-c", [`ip link del ${this.#link} 2>/dev/null`, ...lines].join("\n")]);
  }

  #script(): string {
    return [
      `ip netns add ${this.router}; ip -n ${this.router} link set lo up`,
      `ip -n ${this.router} addr add ${lan.internet4}/32 dev lo`,
      `ip -n ${this.router} addr add ${lan.internet6}/128 dev lo nodad`,
      ...this.segments.map((netns, i) => this.#segment(netns, i)),
      // After the links are there: forwarding of one that comes later is the default's.
      `nsenter --net=/var/run/netns/${this.router} sh -c '${forwarding}'`,
      this.#cable(this.#link, undefined, this.segments[0]!, "control"),
      `ip addr add ${controlAt[0]}/24 dev ${this.#link}`,
      `ip addr add ${controlAt[1]}/64 dev ${this.#link} nodad`,
      `ip route add 198.18.0.0/16 via ${prefix4(0)}.${router}`,
      `ip route add 2001:db8:18::/48 via ${prefix6(0)}:${router}`,
    ].join("\n");
  }

  #segment(netns: string, index: number): string {
    const leg = `s${index}`;
    return [
      `ip netns add ${netns}`,
      `ip -n ${netns} link add ${bridge} mtu ${this.mtu} type bridge mcast_snooping 0`,
      `ip -n ${netns} link set ${bridge} up`,
      this.#cable(leg, this.router, netns, "router"),
      `ip -n ${this.router} addr add ${prefix4(index)}.${router}/24 dev ${leg}`,
      `ip -n ${this.router} addr add ${prefix6(index)}:${router}/64 dev ${leg} nodad`,
      `nsenter --net=/var/run/netns/${netns} nft -f - <<'END'\n${faults}\nEND`,
    ].join("\n");
  }

  #cable(link: string, at: string | undefined, segment: string, bridgePort: string): string {
    const inside = at === undefined ? "ip" : `ip -n ${at}`;
    return [
      `${inside} link add ${link} mtu ${this.mtu} type veth peer name ${bridgePort} netns ${segment}`,
      `${inside} link set ${link} up`,
      `ip -n ${segment} link set ${bridgePort} mtu ${this.mtu} master ${bridge} up`,
    ].join("\n");
  }
}

const isSixth = (address: string) => address.includes(":");

const forwarding =
  "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding";

/** What a segment does not carry, by who says it to whom. */
const faults = `table bridge faults {
  set cut4 { type ipv4_addr . ipv4_addr; }
  set cut6 { type ipv6_addr . ipv6_addr; }
  chain forward {
    type filter hook forward priority 0;
    ip saddr . ip daddr @cut4 drop
    ip6 saddr . ip6 daddr @cut6 drop
  }
}`;

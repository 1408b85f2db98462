/** For tests: hosts on a fabric, each a fresh namespace with a container, and their node specs. */
import { ScratchNetns } from "../../kernel/netns/scratch.ts";
import { desiredOf } from "./desired.ts";
import { apart } from "./entries.ts";
import { RoutedKernel } from "./kernel.ts";
import type { RoutedNetwork, RoutedView } from "./view.ts";

export interface FabricHost extends Disposable {
  readonly name: string;
  readonly netns: ScratchNetns;
  readonly box: ScratchNetns;
  readonly kernel: RoutedKernel;
  /** Of the container. */
  readonly addresses: readonly [string, string];
  readonly blocks: readonly [string, string];
}

/** Joined by a switch. `routed`: each is on a subnet of its own, and the switch is their router. */
export class Fabric implements Disposable {
  readonly middle = new ScratchNetns("fabric");
  readonly hosts: FabricHost[] = [];
  readonly #isRouted: boolean;

  constructor(count: number, { isRouted = false } = {}) {
    this.#isRouted = isRouted;
    const { middle } = this;
    prepare(middle);
    if (!isRouted) middle.run("sh", "-ec", "ip link add br0 type bridge; ip link set br0 up");
    for (let n = 1; n <= count; n++) this.hosts.push(this.#host(n));
  }

  [Symbol.dispose](): void {
    for (const host of this.hosts) host[Symbol.dispose]();
    this.middle[Symbol.dispose]();
  }

  /** Its addresses on the fabric. */
  underlay(n: number) {
    const subnet = this.#isRouted ? n : 0;
    return [
      { address: `198.51.${subnet}.1${n}`, prefixLength: 24, mtu: 1500 },
      { address: `2001:db8:a${subnet}::1${n}`, prefixLength: 64, mtu: 1500 },
    ];
  }

  #host(n: number): FabricHost {
    const [netns, box] = [new ScratchNetns(`h${n}`), new ScratchNetns(`c${n}`)];
    for (const one of [netns, box]) prepare(one);
    const [four, six] = this.underlay(n);
    const subnet = this.#isRouted ? n : 0;
    const port = this.#isRouted
      ? `ip addr add 198.51.${n}.1/24 dev p${n}; ip addr add 2001:db8:a${n}::1/64 dev p${n} nodad`
      : `ip link set p${n} master br0`;
    this.middle.run("sh", "-ec", `ip link add p${n} type veth peer name up0 netns ${netns.name}`);
    this.middle.run("sh", "-ec", `${port}; ip link set p${n} up`);
    const addresses = [`10.40.${n}.5`, `fd40:${n}::5`] as const;
    netns.run(
      "sh",
      "-ec",
      `ip link set lo up; ip link set up0 up
      ip addr add ${four!.address}/24 dev up0; ip addr add ${six!.address}/64 dev up0 nodad
      ip link add c0 type veth peer name eth0 netns ${box.name}; ip link set c0 up
      ip addr add 169.254.1.1/32 dev c0; ip addr add fe80::1/128 dev c0 nodad
      ip route add ${addresses[0]} dev c0 proto 108; ip route add ${addresses[1]} dev c0 proto 108`,
    );
    if (this.#isRouted) {
      netns.run("sh", "-ec", `ip route add default via 198.51.${subnet}.1`);
      netns.run("sh", "-ec", `ip route add default via 2001:db8:a${subnet}::1`);
    }
    box.run(
      "sh",
      "-ec",
      `ip link set lo up; ip link set eth0 up
      ip addr add ${addresses[0]}/32 dev eth0; ip addr add ${addresses[1]}/128 dev eth0 nodad
      ip route add default via 169.254.1.1 dev eth0 onlink
      ip route add default via fe80::1 dev eth0`,
    );
    const kernel = new RoutedKernel("netloom:test:routed", netns.path);
    return {
      ...{ name: `h${n}`, netns, box, kernel, addresses },
      blocks: [`10.40.${n}.0/26`, `fd40:${n}::/122`],
      [Symbol.dispose]() {
        kernel[Symbol.dispose]();
        for (const one of [box, netns]) one[Symbol.dispose]();
      },
    };
  }

  /** What the node spec of the nth host says. */
  view(n: number, spec: object, vni = 77): RoutedView {
    const others = this.hosts.flatMap((host, i) => (i + 1 === n ? [] : [{ host, n: i + 1 }]));
    const network = {
      ...{ name: "default/blue", spec: { type: "routed", directRouting: false, ...spec }, vni },
      subnets: [],
      own: this.hosts[n - 1]!.blocks,
      elsewhere: new Map(others.map(({ host }) => [host.name, host.blocks])),
    } as unknown as RoutedNetwork;
    return {
      host: `h${n}`,
      underlay: this.underlay(n),
      peers: new Map(others.map(({ host, n: at }) => [host.name, this.underlay(at)])),
      ...{ networks: [network], gone: new Set() },
      tunnelTo: () => undefined,
    };
  }

  /** Has all hosts brought there; gives what is amiss. */
  bring(spec: object, vni?: number): string[] {
    return this.hosts.flatMap(({ kernel }, i) => {
      const { entries, troubles } = desiredOf(this.view(i + 1, spec, vni));
      return [...troubles, ...kernel.bring(apart(entries).kernel, true).failures];
    });
  }

  /** Whether each container reaches each other one. */
  reach(more: readonly string[] = []): boolean[] {
    const pairs = this.hosts.flatMap((from) =>
      this.hosts.filter((to) => to !== from).map((to) => ({ from, to })),
    );
    return pairs.flatMap(({ from, to }) =>
      to.addresses.map((address) => pings(from.box, address, more)),
    );
  }
}

/** It forwards, and looks for no duplicates, which takes a second. */
function prepare(netns: ScratchNetns): void {
  netns.run(
    "sh",
    "-ec",
    `cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding
    echo 0 >ipv6/conf/default/accept_dad`,
  );
}

export function pings(from: ScratchNetns, address: string, more: readonly string[] = []): boolean {
  try {
    from.run("ping", "-n", "-q", "-c", "1", "-W", "1", ...more, address);
    return true;
  } catch {
    return false;
  }
}

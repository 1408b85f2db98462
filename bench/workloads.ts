/** What the bench runs: networks, and the plugin chains that make them. */

/** A network as its operator writes it: how it is made with a chain, or with one plugin. */
export interface Workload {
  readonly name: string;
  /** Ours over the reference's median (docs/design/performance.md); absent where there is none. */
  readonly budget?: Budget;
  /** The same for one plugin in place of the chain, where it differs. */
  readonly budgetOfOne?: Budget;
  /** The plugins in ADD's order, with runtimeConfig as libcni passes it. */
  readonly chain: (site: Site) => Plugin[];
  /** One plugin that does what the chain does; absent where there is nothing to chain. */
  readonly one?: (site: Site) => Plugin;
}

interface Budget {
  readonly ADD: number;
  readonly DEL: number;
}

/** Who does the work, and where its addresses and bridge are, apart from the others'. */
export interface Contestant {
  readonly name: string;
  readonly pluginDir: string;
  /** One `netloom` plugin with an inline driver, in place of the chain. */
  readonly onePlugin: boolean;
  /** Tells bridges, subnets and ports apart: 0 to 9. */
  readonly index: number;
}

/** One attachment: which of the parallel lanes it runs in. */
export interface Lane {
  readonly number: number;
  readonly containerId: string;
  readonly netns: string;
}

/** Where an attachment is made. */
export interface Site {
  readonly contestant: Contestant;
  readonly lane: Lane;
  /** Of the contestant's state. */
  readonly dir: string;
}

export interface Plugin {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Link in the host's namespace that contestant `index` puts macvlan children on. */
export const parentName = (index: number) => `benchp${index}`;

const hostLocal = ({ contestant, dir }: Site, network: number) => ({
  type: "host-local",
  dataDir: `${dir}/networks`,
  ranges: [[{ subnet: `10.${60 + contestant.index * 10 + network}.0.0/16` }]],
  routes: [{ dst: "0.0.0.0/0" }],
});

const bridge = (site: Site, network: number, ipMasq: boolean) => ({
  bridge: `bench${site.contestant.index}${network}`,
  isGateway: true,
  ipMasq,
  ipam: hostLocal(site, network),
});

/** Two ports for each lane, one of each protocol. */
const published = ({ contestant, lane }: Site) => ({
  portMappings: ["tcp", "udp"].map((protocol, i) => ({
    hostPort: 20_000 + contestant.index * 1000 + lane.number * 2 + i,
    containerPort: 80 + i,
    protocol,
  })),
});

const limits = { ingressRate: 1e9, ingressBurst: 1e8, egressRate: 1e9, egressBurst: 1e8 };
const settings = { sysctl: { "net.core.somaxconn": "500", "net.ipv4.tcp_syncookies": "1" } };

const ofBridge: Budget = { ADD: 0.8, DEL: 0.95 };

export const workloads: readonly Workload[] = [
  {
    name: "bridge + host-local",
    budget: ofBridge,
    chain: (site) => [{ type: "bridge", ...bridge(site, 0, false) }],
  },
  {
    name: "with ipMasq",
    budget: { ADD: 0.4, DEL: 0.3 },
    chain: (site) => [{ type: "bridge", ...bridge(site, 1, true) }],
  },
  {
    name: "with ipMasq, two ports",
    budget: { ADD: 0.25, DEL: 0.2 },
    chain: (site) => [
      { type: "bridge", ...bridge(site, 2, true) },
      { type: "portmap", runtimeConfig: published(site) },
    ],
    one: (site) => ({
      type: "netloom",
      driver: "bridge",
      ...bridge(site, 2, true),
      runtimeConfig: published(site),
    }),
  },
  {
    name: "bridge, portmap, firewall, bandwidth, tuning",
    budgetOfOne: { ADD: 0.12, DEL: 0.12 },
    chain: (site) => [
      { type: "bridge", ...bridge(site, 3, true) },
      { type: "portmap", runtimeConfig: published(site) },
      { type: "firewall" },
      { type: "bandwidth", ...limits },
      { type: "tuning", ...settings },
    ],
    one: (site) => ({
      type: "netloom",
      driver: "bridge",
      ...bridge(site, 3, true),
      runtimeConfig: published(site),
      firewall: {},
      bandwidth: limits,
      tuning: settings,
    }),
  },
  {
    name: "macvlan + host-local",
    chain: (site) => [
      {
        type: "macvlan",
        master: parentName(site.contestant.index),
        ipam: hostLocal(site, 4),
      },
    ],
  },
];

/** The plugins in ADD's order. */
export function pluginsOf(workload: Workload, site: Site): Plugin[] {
  return site.contestant.onePlugin ? [workload.one!(site)] : workload.chain(site);
}

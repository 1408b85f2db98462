/** What the bench runs: networks, and the plugin chains that make them. */

/** A network as its operator writes it: how it is made with a chain, or with one plugin. */
export interface Workload {
  readonly name: string;
  /** Ours over the reference's median (DESIGN.md, section 8). */
  readonly budget: { readonly ADD: number; readonly DEL: number };
  readonly ipMasq: boolean;
  /** How many ports an attachment publishes. */
  readonly ports: number;
}

export const workloads: readonly Workload[] = [
  { name: "bridge + host-local", budget: { ADD: 0.8, DEL: 0.95 }, ipMasq: false, ports: 0 },
  { name: "with ipMasq", budget: { ADD: 0.4, DEL: 0.3 }, ipMasq: true, ports: 0 },
  { name: "with ipMasq, two ports", budget: { ADD: 0.25, DEL: 0.2 }, ipMasq: true, ports: 2 },
];

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

export interface Plugin {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** The plugins in ADD's order, with runtimeConfig as libcni passes it. */
export function chain(
  workload: Workload,
  contestant: Contestant,
  place: { readonly lane: Lane; readonly dir: string },
): Plugin[] {
  const network = workloads.indexOf(workload);
  const bridge = {
    bridge: `bench${contestant.index}${network}`,
    isGateway: true,
    ipMasq: workload.ipMasq,
    ipam: {
      type: "host-local",
      dataDir: `${place.dir}/networks`,
      ranges: [[{ subnet: `10.${60 + contestant.index * 10 + network}.0.0/16` }]],
      routes: [{ dst: "0.0.0.0/0" }],
    },
  };
  const ports =
    workload.ports === 0
      ? {}
      : { runtimeConfig: { portMappings: mappings(workload, contestant, place.lane) } };
  if (contestant.onePlugin) return [{ type: "netloom", driver: "bridge", ...bridge, ...ports }];
  const main = { type: "bridge", ...bridge };
  return workload.ports === 0 ? [main] : [main, { type: "portmap", ...ports }];
}

function mappings(workload: Workload, contestant: Contestant, lane: Lane) {
  return Array.from({ length: workload.ports }, (_, index) => ({
    hostPort: 20_000 + contestant.index * 1000 + lane.number * workload.ports + index,
    containerPort: 80 + index,
    protocol: index % 2 === 0 ? "tcp" : "udp",
  }));
}

/** Two bridges with two containers each, under an ingress policy each, and who reaches whom. */
import { type CniAnswer, type CniCommand, callChain } from "../support/cni-call.ts";
import { lan, TestHost } from "../support/test-host.ts";
import { type Probe, probe, serve } from "../support/traffic.ts";

export type Policy = "open" | "same-bridge" | "isolated";

export interface FlowStageOptions {
  /** Of bridge a and bridge b. */
  readonly policies: readonly [Policy, Policy];
  readonly plugins: string;
  /** One `netloom` plugin in place of the chain. */
  readonly inOneRun?: boolean;
  /** `bridge` by default. */
  readonly driver?: "bridge" | "ptp";
  /** Whether frames between ports of one bridge pass the host's forward chains. */
  readonly bridged: boolean;
  /** Runs in the host's namespace first. */
  readonly prepare?: string;
  /** More keys of the firewall's. */
  readonly firewall?: Readonly<Record<string, unknown>>;
}

const names = ["a1", "a2", "b1", "b2"] as const;
type Name = (typeof names)[number];

/** Where each container is: its last number, and the host's port that leads to it. */
const place = {
  a1: { bridge: "a", subnet: 1, host: 11, port: 8011 },
  a2: { bridge: "a", subnet: 1, host: 12, port: 8012 },
  b1: { bridge: "b", subnet: 2, host: 11, port: 8021 },
  b2: { bridge: "b", subnet: 2, host: 12, port: 8022 },
} as const;

const plainPort = 7000;

/** Waits for duplicate address detection, which the reference's containers have. */
const detected =
  'for i in $(seq 50); do [ -z "$(ip -6 address show tentative -dadfailed)" ] && exit; sleep 0.1; done';
const address4 = (name: Name) => `10.7.${place[name].subnet}.${place[name].host}`;
const address6 = (name: Name) => `fd07:${place[name].subnet}::${place[name].host}`;

export class FlowStage implements AsyncDisposable {
  readonly host: TestHost;
  readonly #options: FlowStageOptions;
  readonly #netns = {} as Record<Name, string>;
  readonly #results: Partial<Record<Name, any>> = {};

  private constructor(host: TestHost, options: FlowStageOptions) {
    this.host = host;
    this.#options = options;
  }

  /** Attaches all four. */
  static async create(options: FlowStageOptions): Promise<FlowStage> {
    const call = options.bridged ? 1 : 0;
    const paths = ["iptables", "ip6tables"].map((x) => `/proc/sys/net/bridge/bridge-nf-call-${x}`);
    const bridged = paths.map((path) => `echo ${call} >${path}`).join("; ");
    const host = await TestHost.create({ prepare: `${bridged}; ${options.prepare ?? "true"}` });
    const stage = new FlowStage(host, options);
    for (const subnet of [1, 2]) {
      const routes = `ip route add 10.7.${subnet}.0/24 via ${lan.host4}; ip route add fd07:${subnet}::/64 via ${lan.host6}`;
      await host.shell(routes, host.outside);
    }
    for (const name of names) stage.#netns[name] = await host.addContainer();
    for (const name of names) await stage.add(name);
    const everyone = [...Object.values(stage.#netns), host.netns, host.outside];
    await Promise.all(everyone.map((netns) => serve(host, netns, [plainPort])));
    await Promise.all(everyone.map((netns) => host.shell(detected, netns)));
    return stage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.remove();
  }

  async add(name: Name): Promise<void> {
    const answer = await this.call("ADD", name);
    if (!answer.ok) throw new Error(`Cannot attach "${name}": ${answer.stdout}${answer.stderr}`);
    this.#results[name] = answer.json;
  }

  call(command: CniCommand, name: Name, plugins = this.#options.plugins): Promise<CniAnswer> {
    const { host } = this;
    const list = this.#list(name);
    const who = { command, container: this.#netns[name], containerId: name };
    const prevResult = command === "ADD" ? undefined : this.#results[name];
    return callChain({ host, plugins, list, ...who, prevResult });
  }

  #list(name: Name) {
    const { policies, inOneRun, driver = "bridge", firewall } = this.#options;
    const { bridge, subnet, port } = place[name];
    const addresses = [
      { address: `${address4(name)}/24`, gateway: `10.7.${subnet}.1` },
      { address: `${address6(name)}/64`, gateway: `fd07:${subnet}::1` },
    ];
    const routes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
    const link = {
      ...(driver === "bridge" ? { bridge: `br${bridge}`, isGateway: true } : {}),
      ipam: { type: "static", addresses, routes },
    };
    const portMappings = [{ hostPort: port, containerPort: plainPort, protocol: "tcp" }];
    const runtimeConfig = { portMappings };
    const guard = { ingressPolicy: policies[bridge === "a" ? 0 : 1], ...firewall };
    const plugins = inOneRun
      ? [{ type: "netloom", driver, ...link, runtimeConfig, firewall: guard }]
      : [
          { type: driver, ...link },
          { type: "portmap", runtimeConfig },
          { type: "firewall", ...guard },
        ];
    return { cniVersion: "1.0.0", name: `net${bridge}`, plugins };
  }

  /** The same, tried again: a busy machine's answer may come too late, but what passes may pass. */
  async settledFlows(): Promise<Record<string, boolean>> {
    const flows = await this.flows();
    for (const [flow, passes] of Object.entries(await this.flows())) flows[flow] ||= passes;
    return flows;
  }

  /** `a1 > a2 tcp4`: whether an answer came. Published ports are the host's at its LAN address. */
  async flows(): Promise<Record<string, boolean>> {
    const everywhere = names.flatMap((name) => [
      ...plain(name, address4(name), address6(name)),
      ...published(name),
    ]);
    const others = [
      ...plain("outside", lan.outside4, lan.outside6),
      ...plain("host", lan.host4, lan.host6),
    ];
    const starts: [string, string][] = [
      ["a1", this.#netns.a1],
      ["b1", this.#netns.b1],
      ["host", this.host.netns],
      ["outside", this.host.outside],
    ];
    const seen = await Promise.all(
      starts.map(async ([from, netns]) => {
        const tries = [...everywhere, ...others].filter(({ to }) => to !== from);
        const answers = await probe(
          netns,
          tries.map(({ probe }) => probe),
        );
        return tries.map(
          ({ to, way }, i) => [`${from} > ${to} ${way}`, answers[i] !== null] as const,
        );
      }),
    );
    return Object.fromEntries(seen.flat());
  }
}

interface Try {
  readonly to: string;
  readonly way: string;
  readonly probe: Probe;
}

function plain(to: string, four: string, six: string): Try[] {
  return (["tcp", "udp", "ping"] as const).flatMap((kind) =>
    [four, six].map((address, i) => ({
      ...{ to, way: `${kind}${i === 0 ? 4 : 6}` },
      probe: { kind, address, ...(kind === "ping" ? {} : { port: plainPort }) },
    })),
  );
}

function published(to: Name): Try[] {
  return [lan.host4, lan.host6].map((address, i) => ({
    ...{ to, way: `published${i === 0 ? 4 : 6}` },
    probe: { kind: "tcp", address, port: place[to].port },
  }));
}

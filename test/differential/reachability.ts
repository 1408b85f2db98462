/** Who reaches whom: the packets that a case with traffic tries, and what came back. */
import type { NetworkList } from "../support/cni-call.ts";
import { lan, type TestHost } from "../support/test-host.ts";
import { type Probe, probe } from "../support/traffic.ts";

/** The port that every namespace serves. */
const plainPort = 7000;

interface Mapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
}

/** Ports that the namespaces must serve for a list's probes. */
export function wantedPorts(list: NetworkList): number[] {
  const containerPorts = mappingsOf(list).map(({ containerPort }) => containerPort);
  return [...new Set([plainPort, ...containerPorts])];
}

function mappingsOf(list: NetworkList): Mapping[] {
  return list.plugins.flatMap((plugin: any) => plugin.runtimeConfig?.portMappings ?? []);
}

interface Stage {
  readonly host: TestHost;
  readonly containers: readonly string[];
  readonly list: NetworkList;
  readonly results: readonly any[];
}

/** For each probe, as `from > kind address port`: the sender that the server saw, or null. */
export async function tryTraffic(stage: Stage): Promise<Record<string, string | null>> {
  const { host, containers, list, results } = stage;
  const addresses = results.map((result) =>
    (result?.ips ?? []).map((ip: any) => ip.address.split("/")[0]),
  );
  const gateways = (results[0]?.ips ?? []).map((ip: any) => ip.gateway).filter(Boolean);
  const published = publishedProbes(list);
  const everyone = [...addresses.flat(), ...gateways, lan.outside4, lan.outside6];
  const inward = everyone
    .flatMap(plainProbes)
    .concat(plainProbes(lan.internet4), plainProbes(lan.internet6));
  const tries: [string, string, Probe[]][] = [
    ...containers.map((name, i): [string, string, Probe[]] => [
      `c${i + 1}`,
      name,
      [...inward, ...published, ...throughTraffic(list)],
    ]),
    ["host", host.netns, [...addresses.flat().flatMap(plainProbes), ...published]],
    ["outside", host.outside, [...addresses.flat().flatMap(plainProbes), ...published]],
  ];
  const seen = await Promise.all(
    tries.map(async ([from, netns, probes]) => {
      const answers = await probe(netns, probes);
      return probes.map((one, i) => [describe(from, one), answers[i] ?? null] as const);
    }),
  );
  return Object.fromEntries(seen.flat());
}

function describe(from: string, { kind, address, port }: Probe): string {
  return `${from} > ${kind} ${address}${port === undefined ? "" : ` ${port}`}`;
}

function plainProbes(address: string): Probe[] {
  return [
    { kind: "ping", address },
    { kind: "tcp", address, port: plainPort },
    { kind: "udp", address, port: plainPort },
  ];
}

/** To the published ports of somebody else's addresses, where nobody serves them. */
function throughTraffic(list: NetworkList): Probe[] {
  return mappingsOf(list)
    .slice(0, 1)
    .map(({ hostPort }) => ({ kind: "tcp", address: lan.outside4, port: hostPort }));
}

/** Published ports at the host's uplink and loopback; of many, the first and the last. */
function publishedProbes(list: NetworkList): Probe[] {
  const mappings = mappingsOf(list);
  const few = mappings.length > 2 ? [mappings[0]!, mappings.at(-1)!] : mappings;
  return few
    .filter(({ protocol }) => protocol !== "sctp")
    .flatMap(({ hostPort, protocol }) =>
      [lan.host4, lan.host6, "127.0.0.1", "::1"].map((address): Probe => {
        return { kind: protocol as "tcp" | "udp", address, port: hostPort };
      }),
    );
}

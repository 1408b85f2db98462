/** What the daemon of a host should have: its sessions, filters and paths. Pure. */
import { parseIp } from "../lib/ip.ts";
import { containsIp, containsPrefix, formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import { asNumberLabel, maxAsNumber } from "../model/bgp.ts";
import { selects } from "../model/selector.ts";
import { familyMessage } from "./family.ts";
import type { path, peer } from "./gobgp/messages.ts";
import type { Message } from "./gobgp/protobuf.ts";
import type { BgpHost, BgpInput, PrefixFilter } from "./input.ts";
import { ownPath } from "./paths.ts";
import { type Policies, policiesOf, type Rule, toldOf, within } from "./policies.ts";
import { routerIdOf } from "./router-id.ts";

export interface DesiredPeer {
  /** Who wants it: `host/<name>` of the mesh, or `bgppeer/<name>`. */
  readonly owner: string;
  readonly config: Message<typeof peer>;
}

export interface Desired {
  /** Another one takes another daemon. */
  readonly global: {
    readonly asn: number;
    readonly routerId: string;
    readonly listenPort: number;
    readonly restartTimeSeconds: number;
  };
  /** By address. */
  readonly peers: ReadonlyMap<string, DesiredPeer>;
  readonly policies: Policies;
  /** By prefix. */
  readonly paths: ReadonlyMap<string, Message<typeof path>>;
  /** Prefix → neighbours that are told it. */
  readonly told: Readonly<Record<string, readonly string[]>>;
  /** What is wrong with the input and was left out, or works and should not go on so. */
  readonly faults: readonly { readonly owner: string; readonly message: string }[];
}

type Fault = Desired["faults"][number];

/** A third of it is between keepalives (RFC 4271). */
const meshHoldTimeS = 9;
const connectRetryS = 5;
/** After its session broke a peer is tried again so soon. */
const idleHoldTimeS = 5;
/** Routes wait at most so long for peers that don't come back. */
const deferralTimeS = 30;
/** Hosts of different AS that share no link. */
const meshTtl = 64;

const everything: readonly PrefixFilter[] = [
  { cidr: "0.0.0.0/0", minLength: 1 },
  { cidr: "::/0", minLength: 1 },
];

/** Equal input gives equal output. */
export function desired(input: BgpInput): Desired {
  const faults: Fault[] = [];
  const { configuration, host } = input;
  const asn = asOf(host, input, faults);
  const reflects = isReflector(host, input);
  const peers = new Map<string, DesiredPeer>();
  const mesh = meshOf(input, asn, faults);
  for (const [address, each] of mesh) peers.set(address, each);
  const rules: Rule[] = meshRules(input, [...mesh.keys()], reflects);
  for (const { name, spec } of input.peers) {
    if (spec.hosts && !selects(spec.hosts, host.labels)) continue;
    const owner = `bgppeer/${name}`;
    if (host.addresses.some(({ address }) => address === spec.address)) {
      const message = `address ${spec.address} is host "${host.name}" itself: leave it out by spec.hosts`;
      faults.push({ owner, message });
      continue;
    }
    if (peers.has(spec.address)) {
      const other = peers.get(spec.address)!.owner;
      faults.push({ owner, message: `address ${spec.address} is already that of ${other}` });
      continue;
    }
    peers.set(spec.address, { owner, config: peerConfig(input, spec) });
    rules.push(...peerRules(input, { name, spec }, reflects));
  }
  const paths = pathsOf(input, faults);
  return {
    global: {
      asn,
      routerId: routerIdOf(host),
      listenPort: configuration.listenPort,
      restartTimeSeconds: configuration.restartTimeSeconds,
    },
    peers,
    policies: policiesOf(rules),
    paths,
    told: Object.fromEntries([...paths.keys()].map((prefix) => [prefix, toldOf(rules, prefix)])),
    faults,
  };
}

function asOf({ name, labels }: BgpHost, { configuration }: BgpInput, faults: Fault[]): number {
  const label = labels[asNumberLabel];
  if (label === undefined) return configuration.asNumber;
  const number = /^[0-9]+$/.test(label) ? Number(label) : 0;
  if (number >= 1 && number <= maxAsNumber) return number;
  const message = `label ${asNumberLabel}="${label}" is no AS number: set 1 to ${maxAsNumber}`;
  faults.push({ owner: `host/${name}`, message });
  return configuration.asNumber;
}

const isReflector = ({ labels }: BgpHost, { configuration }: BgpInput): boolean =>
  configuration.routeReflectors !== undefined && selects(configuration.routeReflectors, labels);

/** Everybody with everybody, or with the reflectors where there are any. */
function meshOf(input: BgpInput, asn: number, faults: Fault[]): Map<string, DesiredPeer> {
  const { configuration, host, hosts } = input;
  const found = new Map<string, DesiredPeer>();
  if (!configuration.mesh.enabled) return found;
  const reflectors = hosts.filter((each) => isReflector(each, input));
  const reflects = isReflector(host, input);
  const isFull = reflects || reflectors.length === 0;
  if (isFull && !reflects && hosts.length + 1 > configuration.mesh.maxHosts) {
    const message =
      `${hosts.length + 1} hosts are a full mesh, more than mesh.maxHosts ` +
      `(${configuration.mesh.maxHosts}): name route reflectors in routeReflectors`;
    faults.push({ owner: "bgpconfiguration", message });
  }
  for (const other of isFull ? hosts : reflectors) {
    const pair = sessionWith(host, other);
    const owner = `host/${other.name}`;
    if (!pair) {
      faults.push({ owner, message: `has no address of a family that "${host.name}" has too` });
      continue;
    }
    const peerAsn = asOf(other, input, []);
    const isClient = reflects && peerAsn === asn && !isReflector(other, input);
    const config: Message<typeof peer> = {
      conf: { neighborAddress: pair.address, peerAsn, description: owner },
      ...(peerAsn !== asn && !pair.isOnLink && { ebgpMultihop: { enabled: true, ttl: meshTtl } }),
      ...(isClient && { routeReflector: { isClient: true, clusterId: routerIdOf(host) } }),
      ...timersAnd(input, meshHoldTimeS),
      transport: { localAddress: pair.local, remotePort: configuration.listenPort },
      families: familiesOf(host, pair.address),
    };
    found.set(pair.address, { owner, config });
  }
  return found;
}

/** IPv4 where both have it. */
function sessionWith(host: BgpHost, other: BgpHost) {
  for (const isSixth of [false, true]) {
    const own = host.addresses.find(({ address }) => address.includes(":") === isSixth);
    const far = other.addresses.find(({ address }) => address.includes(":") === isSixth);
    if (!own || !far) continue;
    const link = networkOf(parsePrefix(`${own.address}/${own.prefixLength}`));
    const isOnLink = containsIp(link, parseIp(far.address));
    return { local: own.address, address: far.address, isOnLink };
  }
  return undefined;
}

function peerConfig(input: BgpInput, spec: BgpInput["peers"][number]["spec"]) {
  const { address, asNumber, password, multihopTtl, allowOwnAs } = spec;
  const config: Message<typeof peer> = {
    conf: {
      neighborAddress: address,
      peerAsn: asNumber,
      ...(password !== undefined && { authPassword: password }),
      ...(allowOwnAs > 0 && { allowOwnAsn: allowOwnAs }),
    },
    ...(multihopTtl !== undefined && { ebgpMultihop: { enabled: true, ttl: multihopTtl } }),
    ...timersAnd(input, spec.holdTimeSeconds),
    transport: { remotePort: spec.port },
    families: familiesOf(input.host, address, spec.families),
  };
  return config;
}

function timersAnd({ configuration }: BgpInput, holdTime: number) {
  return {
    timers: {
      config: {
        connectRetry: connectRetryS,
        holdTime,
        keepaliveInterval: Math.max(1, Math.floor(holdTime / 3)),
        idleHoldTimeAfterReset: idleHoldTimeS,
      },
    },
    gracefulRestart: {
      enabled: true,
      restartTime: configuration.restartTimeSeconds,
      deferralTime: deferralTimeS,
      notificationEnabled: true,
    },
  };
}

/** Unless told: both over IPv4 where the host has both, over IPv6 that alone. */
function familiesOf(host: BgpHost, address: string, told?: readonly ("ipv4" | "ipv6")[]) {
  const hasSixth = host.addresses.some((each) => each.address.includes(":"));
  const usual = address.includes(":") ? ["ipv6"] : hasSixth ? ["ipv4", "ipv6"] : ["ipv4"];
  return (told ?? usual).map((name) => ({
    restart: { config: { enabled: true } },
    config: { family: familyMessage[name === "ipv4" ? 4 : 6], enabled: true },
  }));
}

/** Hosts tell each other their own; reflectors pass on what they heard. */
function meshRules(input: BgpInput, neighbors: readonly string[], reflects: boolean): Rule[] {
  const prefixes = input.clusterPrefixes.map((cidr) => ({ cidr }));
  const { communities } = input.configuration;
  const base = { name: "mesh", neighbors, prefixes };
  return [
    { ...base, direction: "import" },
    { ...base, direction: "export", from: "local", communities },
    ...(reflects
      ? [{ ...base, direction: "export" as const, name: "reflected", keepNextHop: true }]
      : []),
  ];
}

function peerRules(
  input: BgpInput,
  { name, spec }: BgpInput["peers"][number],
  reflects: boolean,
): Rule[] {
  const neighbors = [spec.address];
  const prefixes = within(input.clusterPrefixes, spec.export ?? everything);
  const communities = [...(input.configuration.communities ?? []), ...(spec.communities ?? [])];
  const out = { direction: "export" as const, neighbors, prefixes, communities };
  return [
    { direction: "import", name: `peer-${name}`, neighbors, prefixes: spec.import ?? everything },
    { ...out, name: `peer-${name}`, from: "local" },
    ...(reflects
      ? [{ ...out, name: `reflected-${name}`, from: "internal" as const, keepNextHop: true }]
      : []),
  ];
}

function pathsOf(input: BgpInput, faults: Fault[]): Desired["paths"] {
  const found = new Map<string, Message<typeof path>>();
  const cluster = input.clusterPrefixes.map(parsePrefix);
  const sixth = input.host.addresses.find(({ address }) => address.includes(":"));
  for (const each of [...input.announced].sort()) {
    const prefix = networkOf(parsePrefix(each));
    const text = formatPrefix(prefix);
    const fault = (message: string) => faults.push({ owner: "bgpconfiguration", message });
    if (!cluster.some((outer) => containsPrefix(outer, prefix))) {
      fault(`${text} is outside the cluster's prefixes and is not announced`);
    } else if (prefix.family === 6 && !sixth) {
      fault(`${text} is not announced: the host has no IPv6 address to be its next hop`);
    } else {
      found.set(text, ownPath(text, prefix.family === 6 ? sixth!.address : "0.0.0.0"));
    }
  }
  return found;
}

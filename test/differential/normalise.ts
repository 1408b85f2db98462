/** Makes the states of two hosts comparable: chance names, indices and MACs become roles. */
import type { NetnsState } from "../support/snapshot.ts";

/** A value that stands where a role has a name of chance. */
type Flat = Record<string, unknown>;

/** A host with its containers at one moment. */
export interface Moment {
  readonly host: NetnsState;
  readonly containers: readonly NetnsState[];
}

const macText = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;
const noMac = "00:00:00:00:00:00";

/** From names and MACs of chance to roles. */
export class Roles {
  readonly #names = new Map<string, string>();
  readonly #macs = new Map<string, string>();
  readonly #given: string;

  /** `given`: text of the case; MACs in it are not of chance. `paths`: from path to role. */
  constructor(moment: Moment, given: string, paths: ReadonlyMap<string, string>) {
    this.#given = given.toLowerCase();
    for (const [path, role] of paths) this.#names.set(path, role);
    for (const link of moment.host.links) {
      // A pair within the host: the end that is a bridge's port has a name of chance.
      const isPort = link.linkinfo?.info_kind === "veth" && link.master !== undefined;
      if (isPort && link.link != null) this.#names.set(link.ifname, `<port of ${link.link}>`);
    }
    for (const [index, container] of moment.containers.entries()) {
      for (const link of container.links) {
        // The index of another kind's parent may be that of a pair's end by chance.
        const isEnd = link.linkinfo?.info_kind === "veth";
        const peer = moment.host.links.find(({ ifindex }) => ifindex === link.link_index);
        if (isEnd && peer !== undefined && peer.link_index === link.ifindex) {
          this.#names.set(peer.ifname, `<c${index + 1} ${link.ifname} host side>`);
        }
        if (this.#isChance(link.address)) {
          this.#macs.set(link.address, `<mac of c${index + 1} ${link.ifname}>`);
        }
      }
    }
  }

  #isChance(mac: string): boolean {
    return macText.test(mac) && mac !== noMac && !this.#given.includes(mac);
  }

  name(name: string): string {
    return this.#names.get(name) ?? name;
  }

  mac(mac: string): string {
    // A bridge wears a port's MAC and changes it with its ports: on the host they are all alike.
    return this.#macs.get(mac) ?? (this.#isChance(mac) ? "<mac of the host's>" : mac);
  }

  /** Replaces names, MACs and paths anywhere in a JSON value. */
  value(value: unknown): unknown {
    if (typeof value === "string") return this.mac(this.name(value));
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.value(item)]));
  }
}

/** One namespace's state with roles for names. */
export function normaliseState(state: NetnsState, roles: Roles): Flat {
  const links = state.links.map((link) => [roles.name(link.ifname), normaliseLink(link, roles)]);
  const ports = state.bridgePorts.map((port) => [roles.name(port.ifname), normalisePort(port)]);
  return {
    links: Object.fromEntries(links),
    ports: Object.fromEntries(ports),
    vlans: asSet(state.bridgeVlans.flatMap((port) => describeVlans(port, roles))),
    routes: asSet(state.routes.filter(isTelling).map((route) => describeRoute(route, roles))),
    neighbours: asSet(state.neighbours.map((neigh) => describeNeighbour(neigh, roles))),
    rules: asSet(state.rules.map(({ protocol: _, ...rule }) => JSON.stringify(roles.value(rule)))),
    sysctls: normaliseSysctls(state.sysctls, roles),
    limits: asSet(state.qdiscs.flatMap((qdisc) => describeQdisc(qdisc, roles))),
    redirections: asSet(
      state.redirections.map((line) =>
        line
          .split(" ")
          .map((name) => roles.name(name))
          .join(" to "),
      ),
    ),
  };
}

/** So that a difference names the member, not a position. */
function asSet(members: readonly string[]): Record<string, true> {
  return Object.fromEntries(members.map((member) => [member, true] as const));
}

/** A link's settings together, so that a link that only one side has is one difference. */
function normaliseSysctls(sysctls: Record<string, string>, roles: Roles): Flat {
  const byPlace: Record<string, Record<string, string>> = {};
  for (const [path, value] of Object.entries(sysctls)) {
    const [, family, , link, name] = path.split("/");
    const [place, setting] =
      link === undefined ? ["global", path] : [roles.name(link), `${family}/${name}`];
    byPlace[place] = { ...byPlace[place], [setting]: value };
  }
  return byPlace;
}

function normaliseLink(link: any, roles: Roles): Flat {
  const info = link.linkinfo ?? {};
  const isBridge = info.info_kind === "bridge";
  const addresses = (link.addr_info ?? []).filter(({ scope, local }: any) => {
    return scope !== "link" || !local.startsWith("fe80:");
  });
  return {
    kind: info.info_kind ?? null,
    mac: roles.mac(link.address ?? ""),
    mtu: link.mtu,
    up: link.flags.includes("UP"),
    promiscuous: link.promiscuity > 0 && link.flags.includes("PROMISC"),
    allmulti: link.flags.includes("ALLMULTI"),
    // The reference's pairs have none on the host, where they need none.
    ...(roles.name(link.ifname).startsWith("<") ? {} : { txqlen: link.txqlen }),
    master: link.master === undefined ? null : roles.name(link.master),
    addresses: asSet(addresses.map(describeAddress)),
    ...(settled.has(info.info_kind) ? { settings: info.info_data ?? {} } : {}),
    ...(isBridge ? { bridge: bridgeSettings(info.info_data) } : {}),
  };
}

/** Kinds whose settings are told as `ip` shows them. */
const settled = new Set(["ipvlan", "macvlan", "tun", "vlan"]);

function bridgeSettings(data: any): Flat {
  const { stp_state, vlan_filtering, forward_delay, ageing_time, mcast_snooping } = data;
  const { group_fwd_mask, nf_call_iptables, nf_call_ip6tables, nf_call_arptables } = data;
  return {
    ...{ stp_state, vlan_filtering, forward_delay, ageing_time, mcast_snooping },
    ...{ group_fwd_mask, nf_call_iptables, nf_call_ip6tables, nf_call_arptables },
  };
}

function describeAddress(address: any): string {
  const words = [`${address.local}/${address.prefixlen}`];
  if (address.broadcast !== undefined) words.push(`brd ${address.broadcast}`);
  words.push(`scope ${address.scope}`);
  if (address.secondary) words.push("secondary");
  if (address.dadfailed) words.push("dadfailed");
  if (address.noprefixroute) words.push("noprefixroute");
  return words.join(" ");
}

const portSettings = [
  ...["hairpin", "guard", "root_block", "fastleave", "learning", "flood", "mcast_flood"],
  ...["bcast_flood", "mcast_to_unicast", "neigh_suppress", "vlan_tunnel", "isolated", "locked"],
];

function normalisePort(port: any): Flat {
  return Object.fromEntries(portSettings.map((setting) => [setting, port[setting] ?? null]));
}

function describeVlans({ ifname, vlans }: any, roles: Roles): string[] {
  return vlans.map(({ vlan, vlanEnd, flags = [] }: any) =>
    [roles.name(ifname), vlan, ...(vlanEnd ? ["to", vlanEnd] : []), ...flags].join(" "),
  );
}

/** Not what the kernel adds by itself for every address and link, partly later. */
function isTelling(route: any): boolean {
  if (route.table === "local" || route.dst === "ff00::/8") return false;
  return !String(route.dst).startsWith("fe80:");
}

function describeRoute(route: any, roles: Roles): string {
  const words = [route.type, route.dst];
  for (const [word, value] of [
    ["via", route.gateway],
    ["dev", route.dev === undefined ? undefined : roles.name(route.dev)],
    ["table", route.table],
    ["scope", route.scope],
    ["src", route.prefsrc],
    ["metric", route.metric],
    ["metrics", route.metrics === undefined ? undefined : JSON.stringify(route.metrics)],
    ["flags", route.flags?.filter((flag: string) => flag !== "linkdown").join(",") || undefined],
  ]) {
    if (value !== undefined) words.push(`${word} ${value}`);
  }
  return words.join(" ");
}

/** Not the kernel's own. Numbers of one's choice are left out. */
function describeQdisc(qdisc: any, roles: Roles): string[] {
  if (qdisc.handle === "0:") return [];
  const place = qdisc.root ? "root" : qdisc.parent;
  const { rate, burst, lat } = qdisc.options;
  const words = [qdisc.kind, "of", roles.name(qdisc.dev), "at", place];
  // What waits is told as time that is rounded down from bytes.
  if (rate !== undefined) words.push(`rate ${rate} burst ${burst} ms ${Math.round(lat / 1000)}`);
  return [words.join(" ")];
}

function describeNeighbour(neigh: any, roles: Roles): string {
  return `${neigh.dst} dev ${roles.name(neigh.dev)} lladdr ${roles.mac(neigh.lladdr ?? "")}`;
}

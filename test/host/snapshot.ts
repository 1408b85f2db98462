/** What a host holds of networking, kernel state and files, as sorted lines to compare. */
import type { PrivateHost } from "./private-host.ts";

/** Lines that appeared and lines that went away. */
export interface Difference {
  readonly added: string[];
  readonly removed: string[];
}

const separator = "==== next";

/** Settings of the network, but for those of links that come and go: 130 for each. */
const settings = ["all", "default", "lo", "uplink"]
  .flatMap((link) =>
    ["4", "6"].flatMap((v) => [`ipv${v}/conf/${link}/*`, `ipv${v}/neigh/${link}/*`]),
  )
  .concat("core/*", "netfilter/*", "unix/*", "ipv4/*", "ipv6/*", "ipv4/route/*", "ipv6/route/*")
  .join(" ");

/**
 * One run of a shell reads it all. Files: everything that was written in the host, but for what
 * runtimes keep apart from networks.
 */
const script = `ip -j -d address
echo '${separator}'; ip -j route show table all
echo '${separator}'; ip -j -6 route show table all
echo '${separator}'; ip -j rule
echo '${separator}'; ip -j -6 rule
echo '${separator}'; ip -j neigh show nud permanent
echo '${separator}'; nft -j list ruleset
echo '${separator}'; cd /proc/sys/net && grep -s -d skip -H '' ${settings}
echo '${separator}'; find /run /var/lib/cni /var/lib/netloom /etc/cni /mnt/var/upper \\
  -not -type d -not -path '/run/nle2e/*' -not -path '/run/containers/*' -not -path '/run/libpod/*' \\
  -not -path '/run/containerd/*' -not -path '/run/runc/*' -not -path '*/tmp/*.test/*'`;

/** Everything that an attachment may touch on the host, one line a thing. */
export async function snapshot(host: PrivateHost): Promise<string[]> {
  const text = await host.run(["sh", "-c", script]);
  const parts = text.split(separator).map((part) => part.trim());
  const [links, routes4, routes6, rules4, rules6, neighbours, nft] = parts
    .slice(0, 7)
    .map((part) => (part === "" ? [] : JSON.parse(part)));
  const lines = [
    ...links.flatMap(linkLines),
    ...[...routes4, ...routes6].map(routeLine),
    ...[...rules4, ...rules6].map((rule: Json) => `rule ${JSON.stringify(rule)}`),
    ...neighbours.map(({ dst, dev }: Json) => `neigh ${dst} dev ${dev}`),
    ...nft.nftables.flatMap(nftLines),
    ...parts[7]!
      .split("\n")
      .map(settingLine)
      .filter((line) => !passing.test(line)),
    ...listed("file", parts[8]!),
  ];
  return lines.sort();
}

/** Counters and measures. */
const passing = /nf_conntrack_(count|buckets|max)|random|tcp_mem/;

export function difference(before: readonly string[], after: readonly string[]): Difference {
  const [was, is] = [new Set(before), new Set(after)];
  return {
    added: after.filter((line) => !was.has(line)),
    removed: before.filter((line) => !is.has(line)),
  };
}

/** The difference without what `allowed` names. */
export function beyond(allowed: readonly RegExp[], { added, removed }: Difference): Difference {
  const unexpected = (line: string) => !allowed.some((pattern) => pattern.test(line));
  return { added: added.filter(unexpected), removed: removed.filter(unexpected) };
}

/** Forwarding, and what the kernel changes with it: others may rely on it by now. */
export const switches: readonly RegExp[] = [
  /^sysctl net\.ipv4\.ip_forward /,
  /^sysctl net\.ipv[46]\.conf\.\w+\.forwarding /,
  /^sysctl net\.ipv4\.conf\.\w+\.accept_redirects /,
  /^route anycast /,
];

/** What may stay after the last DEL of a network: the list that the design states. */
export function mayStay(network: { readonly name: string; readonly bridge: string }): RegExp[] {
  return [
    ...bridgeLines(network.bridge),
    // A table with its chains, rules and empty sets. Elements are lines of another kind.
    /^nft (table|chain|set|map|rule) \w+ netloom_cni/,
    new RegExp(`^file /var/lib/cni/networks/${network.name}/(lock|last_reserved_ip\\.\\d+)$`),
    // Hints, markers and a lock: host-local's index with its boot marker, that our tables are in
    // use, and the file that calls lock.
    /^file (\/var\/lib|\/run)\/netloom\/ipam\/[0-9a-f]{16}$/,
    /^file \/run\/netloom\/(nft-in-use|lock)$/,
    ...switches,
  ];
}

/** The bridge with its addresses, some of them from its random MAC, and their routes. */
export const bridgeLines = (bridge: string) => [
  new RegExp(`^(link|address) ${bridge} `),
  new RegExp(`^route .* dev ${bridge} `),
];

const listed = (kind: string, text: string) =>
  text.split("\n").map((line) => `${kind} ${line.replace(/^\/mnt\/var\/upper/, "/var")}`);

type Json = { readonly [key: string]: any };

/** As sysctl writes it. That program reads every link's settings, whatever it is asked for. */
function settingLine(line: string): string {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon).replaceAll("/", ".");
  return `sysctl net.${name} = ${line.slice(colon + 1)}`;
}

function linkLines({ ifname, linkinfo, addr_info: addresses }: Json): string[] {
  const address = ({ local, prefixlen }: Json) => `address ${ifname} ${local}/${prefixlen}`;
  return [`link ${ifname} ${linkinfo?.info_kind ?? "-"}`, ...addresses.map(address)];
}

const routeLine = ({ dst, dev = "-", gateway = "-", type = "unicast", table = "main" }: Json) =>
  `route ${type} ${dst} via ${gateway} dev ${dev} table ${table}`;

/** Sets' elements are lines of their own: an empty set and a full one differ by them alone. */
function nftLines(entry: Json): string[] {
  const [kind, object] = Object.entries(entry)[0]!;
  if (kind === "metainfo") return [];
  const { handle, elem, expr, family, table, chain, name, ...rest } = object;
  const place = [family, table, chain, name].filter(Boolean).join(" ");
  if (kind === "rule") return [`nft rule ${place} ${withoutCounters(expr)}`];
  const elements = (elem ?? []).map((element: unknown) => JSON.stringify(element));
  return [
    kind === "chain" ? `nft chain ${place}` : `nft ${kind} ${place} ${JSON.stringify(rest)}`,
    ...elements.map((element: string) => `nft element ${place} ${element}`),
  ];
}

const withoutCounters = (expression: unknown) =>
  JSON.stringify(expression).replaceAll(/"(packets|bytes)":\d+/g, '"$1":0');

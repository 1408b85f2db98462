/** What a host holds of networking, kernel state and files, as sorted lines to compare. */
import type { PrivateHost } from "./private-host.ts";

/** Lines that appeared and lines that went away. */
export interface Difference {
  readonly added: string[];
  readonly removed: string[];
}

/** Directories in which plugins and runtimes keep files about networks. */
const fileRoots = ["/var/lib/cni", "/var/lib/netloom", "/run/netloom", "/run/cni", "/run/netns"];

/** Everything that an attachment may touch on the host, one line a thing. */
export async function snapshot(host: PrivateHost): Promise<string[]> {
  const [kernel, nft, sysctls, files] = await Promise.all([
    kernelObjects(host),
    nftObjects(host),
    host.attempt(["sysctl", "--all", "--pattern", "^net\\."]),
    host.attempt(["find", ...fileRoots, "-not", "-type", "d"]),
  ]);
  const settings = sysctls.stdout.split("\n").filter((line) => line && !passing.test(line));
  const lines = [
    ...kernel,
    ...nft,
    ...settings.map((line) => `sysctl ${line}`),
    ...files.stdout
      .split("\n")
      .filter(Boolean)
      .map((path) => `file ${path}`),
  ];
  return lines.sort();
}

/** Counters and measures, and the settings of links, which come and go with them. */
const passing =
  /nf_conntrack_(count|buckets|max)|random|tcp_mem|\.(conf|neigh)\.(?!(all|default|lo|uplink)\.)/;

export function difference(before: readonly string[], after: readonly string[]): Difference {
  const [was, is] = [new Set(before), new Set(after)];
  return {
    added: after.filter((line) => !was.has(line)),
    removed: before.filter((line) => !is.has(line)),
  };
}

/** The difference without what `allowed` names. */
export function beyond(allowed: readonly RegExp[], difference: Difference): Difference {
  const unexpected = (line: string) => !allowed.some((pattern) => pattern.test(line));
  return {
    added: difference.added.filter(unexpected),
    removed: difference.removed.filter(unexpected),
  };
}

type Json = { readonly [key: string]: any };

async function ipJson(host: PrivateHost, ...args: string[]): Promise<Json[]> {
  const text = await host.run(["ip", "-j", ...args]);
  return text.trim() === "" ? [] : JSON.parse(text);
}

async function kernelObjects(host: PrivateHost): Promise<string[]> {
  const [links, routes4, routes6, rules4, rules6, neighbours] = await Promise.all([
    ipJson(host, "-d", "address"),
    ipJson(host, "route", "show", "table", "all"),
    ipJson(host, "-6", "route", "show", "table", "all"),
    ipJson(host, "rule"),
    ipJson(host, "-6", "rule"),
    ipJson(host, "neigh", "show", "nud", "permanent"),
  ]);
  const plain = (kind: string) => (item: Json) => `${kind} ${JSON.stringify(item)}`;
  return [
    ...links.map((link) => `link ${link.ifname} ${link.linkinfo?.info_kind ?? ""}`.trim()),
    ...links.flatMap((link) =>
      link.addr_info.map(
        (address: Json) => `address ${link.ifname} ${address.local}/${address.prefixlen}`,
      ),
    ),
    ...[...routes4, ...routes6].map(
      ({ dst, dev, gateway, type, table }) =>
        `route ${type ?? "unicast"} ${dst} via ${gateway ?? "-"} dev ${dev ?? "-"} table ${table ?? "main"}`,
    ),
    ...[...rules4, ...rules6].map(plain("rule")),
    ...neighbours.map(({ dst, dev }) => `neigh ${dst} dev ${dev}`),
  ];
}

/** Sets' elements are lines of their own: an empty set and a full one differ by them alone. */
async function nftObjects(host: PrivateHost): Promise<string[]> {
  const { nftables } = JSON.parse(await host.run(["nft", "-j", "list", "ruleset"]));
  return nftables.flatMap((entry: Json) => {
    const [kind, object] = Object.entries(entry)[0]!;
    if (kind === "metainfo") return [];
    const { handle, elem, expr, family, table, chain, name, ...rest } = object;
    const place = ["nft", kind, family, table, chain, name].filter(Boolean).join(" ");
    if (kind === "rule") return [`${place} ${withoutCounters(expr)}`];
    const described = kind === "chain" ? place : `${place} ${JSON.stringify(rest)}`;
    const elements = (elem ?? []).map(
      (element: unknown) =>
        `${place.replace(`nft ${kind}`, "nft element")} ${JSON.stringify(element)}`,
    );
    return [described, ...elements];
  });
}

const withoutCounters = (expression: unknown) =>
  JSON.stringify(expression).replaceAll(/"(packets|bytes)":\d+/g, '"$1":0');

/** Reads what a namespace holds with the system's own programs, and what a directory holds. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { shell } from "./run.ts";

/** A namespace as `ip -j`, `bridge -j` and /proc/sys show it; each list as the program gave it. */
export interface NetnsState {
  readonly links: any[];
  readonly routes: any[];
  readonly neighbours: any[];
  readonly rules: any[];
  readonly bridgePorts: any[];
  /** Each port's VLANs; empty where the kernel's bridges filter none. */
  readonly bridgeVlans: any[];
  readonly qdiscs: any[];
  /** `from to`: what comes in by one link is sent by another. */
  readonly redirections: readonly string[];
  /** From the path below /proc/sys to the value. */
  readonly sysctls: Record<string, string>;
}

const lists = {
  links: "ip -j -d address show",
  routes4: "ip -j -d -4 route show table all",
  routes6: "ip -j -d -6 route show table all",
  neighbours: "ip -j -d neigh show nud permanent",
  rules4: "ip -j -4 rule",
  rules6: "ip -j -6 rule",
  bridgePorts: "bridge -j -d link",
  bridgeVlans: "bridge -j vlan show",
  qdiscs: "tc -j qdisc show",
} as const;

const sysctlPaths = [
  ...["net/ipv4/ip_forward", "net/ipv4/ping_group_range", "net/core/somaxconn"],
  ...[
    ...["forwarding", "route_localnet", "proxy_arp", "arp_notify", "rp_filter", "accept_local"],
    ...["arp_filter", "log_martians"],
  ].map((name) => `net/ipv4/conf/*/${name}`),
  ...["forwarding", "disable_ipv6", "accept_ra", "accept_dad", "optimistic_dad", "proxy_ndp"].map(
    (name) => `net/ipv6/conf/*/${name}`,
  ),
];

const separator = "==== next";

const redirections = `for link in $(tc qdisc show | sed -n 's/^qdisc ingress .* dev \\([^ ]*\\) .*/\\1/p'); do
  tc filter show dev $link ingress | sed -n "s/.*Egress Redirect to device \\([^)]*\\)) stolen.*/$link \\1/p"
done; echo; echo ${separator}`;

/** Reads the namespace in one go. `netns` is a name below /var/run/netns. */
export async function readNetns(netns: string): Promise<NetnsState> {
  const commands = Object.values(lists).map((command) => `${command}; echo; echo ${separator}`);
  const sysctls = `cd /proc/sys; grep -H . ${sysctlPaths.join(" ")} 2>/dev/null || true`;
  const texts = (await shell([...commands, redirections, sysctls].join("\n"), { netns })).split(
    separator,
  );
  const names = Object.keys(lists);
  const part = (name: keyof typeof lists): any[] => {
    const text = texts[names.indexOf(name)]!.trim();
    return text === ""
      ? []
      : JSON.parse(text).filter((entry: any) => Object.keys(entry).length > 0);
  };
  return {
    links: part("links"),
    routes: [...part("routes4"), ...part("routes6")],
    neighbours: part("neighbours"),
    rules: [...part("rules4"), ...part("rules6")],
    bridgePorts: part("bridgePorts"),
    bridgeVlans: part("bridgeVlans"),
    qdiscs: part("qdiscs"),
    redirections: texts[names.length]!.split("\n").filter((line) => line !== ""),
    sysctls: readSysctls(texts[names.length + 1]!),
  };
}

function readSysctls(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of text.trim().split("\n")) {
    const colon = line.indexOf(":");
    values[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return values;
}

/** The packet filter's rules as text without counters: ours, the reference's, anybody's. */
export async function readFilters(netns: string): Promise<string> {
  const text = await shell("iptables-save; ip6tables-save; nft -s list ruleset", { netns });
  return text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .map((line) =>
      line.replace(/\[\d+:\d+\]/, "").replace(/counter packets \d+ bytes \d+/, "counter"),
    )
    .join("\n");
}

/** Every file below `dir` with its text, by path; directories end in a slash. */
export function readTree(dir: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (below: string) => {
    for (const name of readdirSync(join(dir, below)).sort()) {
      const path = below === "" ? name : `${below}/${name}`;
      if (lstatSync(join(dir, path)).isDirectory()) {
        found[`${path}/`] = "";
        visit(path);
      } else found[path] = readFileSync(join(dir, path), "latin1");
    }
  };
  visit("");
  return found;
}

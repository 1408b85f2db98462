/** Other firewalls on the host that may stop containers' packets, or clash with our marks. */
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { policiesDrop } from "../kernel/nft/chain-policy.ts";
import { Libnftables } from "../kernel/nft/libnftables.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { type Finding, fine, note, warning } from "./finding.ts";
import { type Host, namesIn, textOf } from "./host.ts";

export function firewalls(host: Host): Finding[] {
  const found = [
    ...foreignPolicies(host),
    ...legacyTables(host),
    ...firewalld(host),
    ...marks(host),
  ];
  return found.length > 0 ? found : [fine("No other firewall drops what the host forwards")];
}

/** Chains in which an administrator, or we, may let packets pass. */
const userChains = ["DOCKER-USER", "CNI-ADMIN"];

function foreignPolicies({ session }: Host): Finding[] {
  using socket = session.namespace(hostNetns).inside(() => new NetlinkSocket("netfilter"));
  const families = ["ip", "ip6"] as const;
  const chains = families.map((family) => ({ family, table: "filter", chain: "FORWARD" }));
  const drops = policiesDrop(socket, chains);
  return families.flatMap((family, i) => {
    if (!drops[i]) return [];
    const names = userChains.map((chain) => ({ family, table: "filter", chain }));
    const present = session.nft.present(names);
    const chain = userChains[present.indexOf(true)];
    const tool = family === "ip" ? "iptables" : "ip6tables";
    const what = `The policy of ${tool}' chain FORWARD is DROP`;
    if (chain) return note(`${what}; Netloom's packets pass by one rule in ${chain}`);
    return warning(
      `${what}, and there is neither ${userChains.join(" nor ")}: forwarded packets are dropped`,
      `${tool} -I FORWARD -m mark --mark 0x02000000/0x02000000 -j ACCEPT`,
    );
  });
}

/** Rules of iptables-legacy are invisible to nftables. */
function legacyTables(host: Host): Finding[] {
  return ["ip", "ip6"].flatMap((family) => {
    const tables = textOf(host, `/proc/net/${family}_tables_names`)?.trim();
    if (!tables) return [];
    const tool = family === "ip" ? "iptables-legacy" : "ip6tables-legacy";
    return warning(
      `${tool} has tables (${tables.split("\n").join(", ")}): their rules apply beside nftables ` +
        "and can't be seen through it",
      `${tool}-save; move the rules: ${tool}-save | ${tool.replace("legacy", "nft")}-restore`,
    );
  });
}

function firewalld(host: Host): Finding[] {
  if (!namesIn(host, "/run/firewalld").length && !isRunning(host, "firewalld")) return [];
  return [
    note(
      "firewalld runs: a packet must pass its rules and ours, and each reload leaves ours alone",
      "let bridges in: firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE",
    ),
  ];
}

function isRunning(host: Host, name: string): boolean {
  const ids = namesIn(host, "/proc").filter((entry) => /^\d+$/.test(entry));
  return ids.some((id) => textOf(host, `/proc/${id}/comm`)?.trim() === name);
}

/** Bits of the packet mark that are ours. */
const ourMarks = 0x3f000000;
const setsMark = /meta mark set (?:meta mark (?:\||or) )?(0x[0-9a-f]+)/g;

/** Rules of others that set bits of ours. */
function marks({ session }: Host): Finding[] {
  const lines = session.namespace(hostNetns).inside(() => {
    using library = new Libnftables();
    return library.listText("list ruleset").split("\n");
  });
  let table = "";
  const clashes = new Set<string>();
  for (const line of lines) {
    table = /^table (\S+ \S+)/.exec(line)?.[1] ?? table;
    if (/ netloom_/.test(table)) continue;
    for (const [text, bits] of line.matchAll(setsMark)) {
      if ((Number(bits) & ourMarks) !== 0) clashes.add(`table ${table}: ${text}`);
    }
  }
  return [...clashes].map((clash) =>
    warning(
      `A rule of another program sets bits of the packet mark that are Netloom's ` +
        `(0x${ourMarks.toString(16)}): ${clash}`,
      "configure that program to use other bits",
    ),
  );
}

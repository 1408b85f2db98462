/** Where we mean to differ from the reference plugins 1.9.1, and why. Each entry must occur. */
import type { Intended } from "./compare.ts";

const missingInOurs: Intended["when"] = (_, ours) => ours === undefined;
const missingInReference: Intended["when"] = (reference) => reference === undefined;
const becomes =
  (before: unknown, after: unknown): Intended["when"] =>
  (reference, ours) =>
    reference === before && ours === after;

const results: Intended[] = [
  {
    where: / result c\d \/ interfaces \/ \d \/ mtu$/,
    reason: "a result at 1.1.0 tells each link's MTU, which the specification has since then",
    when: missingInReference,
  },
  {
    where: / result c\d \/ dns$/,
    reason: "DNS settings that nobody made are left out at every version, not from 1.0.0 on only",
    when: missingInOurs,
  },
  {
    where: /^loopback at 0\.\d\.\d \/ result /,
    reason: "loopback's result has the asked version's form; the reference's always the newest one",
  },
];

const verbs: Intended[] = [
  {
    where: / STATUS succeeds$/,
    reason: "STATUS fails where ADD would: the reference has it read no configuration",
    when: becomes(true, false),
  },
  {
    where: /^an IPAM plugin that isn't there \/ GC that keeps all succeeds$/,
    reason: "GC tells that nobody could collect the addresses when their plugin is not there",
    when: becomes(true, false),
  },
  {
    where: / DEL c\d succeeds$/,
    reason: "DEL succeeds with a wrong configuration and when told twice",
    when: becomes(false, true),
  },
  {
    where: / CHECK c\d (succeeds|is silent)$/,
    reason:
      "the reference's bridge without a gateway takes a new port's MAC, and its CHECK then fails",
    when: becomes(false, true),
    sometimes: true,
  },
];

const kernel: Intended[] = [
  {
    where: / host \/ sysctls \/ .* \/ ipv6\/accept_dad$/,
    reason: "the host asks for IPv6 neighbours at once, without detection of its own duplicates",
    when: becomes("1", "0"),
  },
  {
    where: / c\d \/ sysctls \/ \w+ \/ (ipv4\/arp_notify|ipv6\/accept_dad)$/,
    reason:
      "every container's link announces itself and skips detection, also ptp's and one without IPAM",
  },
  {
    where: / after (refused ADD and )?DEL \/ host \/ links \/ (br0|cni0) \/ mac$/,
    reason: "our bridge keeps an address of its own when its last port goes",
    when: becomes("00:00:00:00:00:00", "<mac of the host's>"),
  },
  {
    where: /ptp.* \/ after (second )?ADD \/ c\d \/ links \/ eth0 \/ addresses \//,
    reason: "ptp's address comes without a route to its prefix; the reference adds and removes it",
  },
  {
    where: /^routes with every attribute \/ after (second )?ADD \/ c1 \/ routes \//,
    reason: "a route's mtu and advmss are set, which the reference reads and forgets",
  },
  {
    where: /^no mtu on a host whose uplink has 1400 \/ .* \/ mtu$/,
    reason: "without an mtu the links take that of the uplink",
    when: becomes(1500, 1400),
  },
  {
    where:
      /^a port published on an(y| ) ?IPv6 address.* \/ host \/ sysctls \/ br0 \/ ipv4\/route_localnet$/,
    reason: "loopback may be routed only where an IPv4 mapping can be reached by it",
    when: becomes("1", "0"),
  },
];

const refusals: Intended[] = [
  {
    where: / after refused /,
    reason: "a refused ADD leaves nothing; the reference leaves links, addresses and reservations",
    when: missingInOurs,
  },
  {
    where:
      / after refused .* \/ host \/ sysctls \/ (global|all|default|lo|uplink) \/ .*forward(ing)?$/,
    reason: "a configuration that is wrong is refused before forwarding is enabled",
    when: becomes("1", "0"),
  },
  {
    where: /^a bridge that has another .* \/ after refused .* \/ br0 \/ ipv6\/accept_ra$/,
    reason: "a bridge that can't be used is left as it was",
    when: becomes("0", "1"),
  },
  {
    where: / after refused ADD( and DEL)? \/ files \/ net\/(lock|last_reserved_ip\.0)?$/,
    reason:
      "addresses are asked for first, and host-local keeps where it went on when they are given back",
    when: missingInReference,
  },
  {
    where: /^a route by a gateway in the scope of a link \/ after refused .* \/ host \//,
    reason:
      "the gateway's address and forwarding stay with the bridge when the kernel refuses a route",
  },
  {
    where: /^ptp without an ipam section \/ STATUS succeeds$/,
    reason: "ptp asks for addresses when it attaches, not before",
  },
  {
    where: /^bridge as default gateway beside a configured default route \/ /,
    reason: "two wishes for the same default route are one; the reference fails on the second",
  },
  {
    where: /^(a MAC address|an address requested) in CNI_ARGS, which \S+ does not know \/ /,
    reason: "CNI_ARGS may hold what any plugin of the network knows, without IgnoreUnknown",
  },
  {
    where: /^no CNI_PATH \/ /,
    reason: "CNI_PATH is needed only to find a foreign plugin, as the specification has it",
  },
  {
    where: /^a port published for one client only \/ /,
    reason: "conditions in the words of iptables are refused, for they would not hold in nftables",
  },
  {
    where: /^a host port that another container has \/ /,
    reason:
      "a host port that another container holds is refused; the reference takes it away from it",
  },
];

export const intended: readonly Intended[] = [...results, ...verbs, ...kernel, ...refusals];

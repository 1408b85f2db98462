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
    where: /an IPAM plugin that isn't there \/ GC that keeps all succeeds$/,
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
    where: / c\d \/ sysctls \/ \w+ \/ ipv6\/accept_ra$/,
    reason: "containers don't listen to routers that anybody may play, unless asked to",
    when: becomes("1", "0"),
  },
  {
    where: / c\d \/ sysctls \/ \w+ \/ ipv6\/disable_ipv6$/,
    reason: "a link with IPv4 addresses alone has IPv6 off, which nobody would look at",
    when: becomes("0", "1"),
  },
  {
    where: / after (refused ADD and )?DEL \/ host \/ links \/ (br0|cni0) \/ mac$/,
    reason: "our bridge keeps an address of its own when its last port goes",
    when: becomes("00:00:00:00:00:00", "<mac of the host's>"),
  },
  {
    where:
      /ptp.* \/ after ((second )?ADD|DEL of what was added) \/ c\d \/ links \/ eth0 \/ addresses \//,
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

const vrf: Intended[] = [
  {
    where: /^vrf.* \/ after DEL of what was added \/ c\d \/ routes \/ unicast default /,
    reason: "a link that leaves its VRF takes its routes along; the reference loses them",
    when: missingInReference,
    needs: ["vrf"],
  },
];

const devices: Intended[] = [
  {
    where: /^host-device .* \/ after DEL \/ host \/ links \/ dev0 \/ up$/,
    reason: "a device that was up comes back up; the reference leaves it down",
    when: becomes(false, true),
  },
];

const sbr: Intended[] = [
  {
    where: /^sbr.* \/ after DEL of what was added \/ c\d \/ routes \//,
    reason: "sbr alone taken away gives the main table its routes back",
  },
  {
    where: /^sbr when the namespace has gone \/ after DEL \/ files \/ net\/(10|fd05)/,
    reason: "sbr's DEL needs no namespace: the reference's fails and keeps the addresses",
    when: missingInOurs,
  },
  {
    where:
      /^netloom against bridge and sbr \/ after (second )?ADD \/ c1 \/ links \/ eth0 \/ addresses/,
    reason: "in one run routes are made where they belong, so addresses come without their own",
  },
];

const tuning: Intended[] = [
  {
    where: /^tuning of the MAC \/ traffic \//,
    reason: "neighbours are told of the new address; the reference leaves them to find out",
    when: (reference) => reference === null,
    sometimes: true,
  },
  {
    where: / after DEL( of what was added)? \/ c\d \/ sysctls \//,
    reason: "DEL puts back the sysctls that tuning changed; the reference leaves them",
  },
  {
    where: /^tuning of the MAC written with dashes \/ result c1 \/ interfaces \/ \d \/ mac$/,
    reason: "a result names a hardware address as the kernel does, however the user wrote it",
  },
];

const limits: Intended[] = [
  {
    where: / \/ links \/ bwp\w+ \/ txqlen$/,
    reason: "an ifb's own queue is as long as the kernel makes it: packets wait in the bucket's",
    when: becomes(undefined, 32),
  },
];

const parents: Intended[] = [
  {
    where: /^ipvlan with a larger MTU than its parent's \/ /,
    reason: "an MTU that the parent can't carry is refused: such packets would be lost",
    needs: ["ipvlan"],
  },
  {
    where: /^ipvlan .* \/ (links|sysctls) \/ veth[0-9a-f]{8}$/,
    reason: "the reference's refused second ADD leaves a link under a name of chance, for good",
    when: missingInOurs,
    needs: ["ipvlan"],
  },
  {
    where: /^(ipvlan|vlan) .* \/ after (refused ADD|DEL) \/ (host|c\d) \/ links \/ \w+ \/ mac$/,
    reason: "what the reference leaves has its parent's hardware address, which is told by it here",
    when: (reference) => /^<mac of c\d /.test(String(reference)),
    needs: ["ipvlan"],
  },
  {
    where: /^the same vlan for two containers \/ .* \/ files \/ net\/last_reserved_ip\.0$/,
    reason:
      "an address is asked for before the VLAN is refused; the reference makes the link first",
    needs: ["vlan"],
  },
  {
    where: /^dummy with a static address \/ after (second )?ADD \/ c1 \/ routes \//,
    reason: "a route without a gateway has the scope of its link, as `ip route` gives it",
    needs: ["dummy"],
  },
  {
    where: /^dummy without an ipam section \/ STATUS succeeds$/,
    reason: "dummy asks for addresses when it attaches, not before",
    when: becomes(false, true),
    needs: ["dummy"],
  },
];

const vlans: Intended[] = [
  {
    where:
      /^a VLAN on a bridge that somebody made before, .* \/ links \/ br0 \/ bridge \/ vlan_filtering$/,
    reason: "a VLAN separates on a bridge that did not filter too; the reference ignores it there",
    when: becomes(0, 1),
    needs: ["vlan filtering"],
  },
];

const taps: Intended[] = [
  {
    where: /^tap .* \/ second ADD succeeds$/,
    reason: "a second ADD of a tap is refused, as of any other link",
    when: becomes(true, false),
  },
  {
    where: /^tap .* \/ (links|sysctls) \/ veth[0-9a-f]{8}$/,
    reason: "the reference's second ADD leaves a tap under a name of chance, for good",
    when: missingInOurs,
  },
  {
    where: /^tap .* \/ settings \/ (pi|vnet_hdr)$/,
    reason:
      "who opens a tap says how its frames look: one that nobody has opened is like the others",
    when: becomes(true, false),
  },
  {
    where: /^tap with a MAC of a user and a group \/ /,
    reason: "a configured MAC counts whoever the owner is; the reference loses it with both given",
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
    where: /^macvlan in mode passthru a second time \/ .* \/ files \/ net\/last_reserved_ip\.0$/,
    reason:
      "an address is asked for before the link is refused; the reference makes the link first",
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

export const intended: readonly Intended[] = [
  ...results,
  ...limits,
  ...verbs,
  ...kernel,
  ...vrf,
  ...devices,
  ...sbr,
  ...tuning,
  ...refusals,
  ...parents,
  ...vlans,
  ...taps,
];

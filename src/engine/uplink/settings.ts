/** What a bridge takes over of its uplink's settings below /proc/sys. */
import { readSysctls, type SysctlValue, writeSysctls } from "../../kernel/sysctl/sysctl.ts";

/** How packets are judged and answered. Names below net/ipv4/conf/<link>. */
const fourth =
  "accept_local accept_redirects accept_source_route arp_accept arp_announce arp_filter " +
  "arp_ignore bc_forwarding disable_policy disable_xfrm drop_gratuitous_arp " +
  "drop_unicast_in_l2_multicast forwarding ignore_routes_with_linkdown log_martians " +
  "promote_secondaries proxy_arp proxy_arp_pvlan route_localnet rp_filter secure_redirects " +
  "send_redirects shared_media src_valid_mark";

/** Names below net/ipv6/conf/<link>; `accept_ra` itself is decided apart. */
const sixth =
  "accept_ra_defrtr accept_ra_from_local accept_ra_min_hop_limit accept_ra_mtu accept_ra_pinfo " +
  "accept_ra_rt_info_max_plen accept_ra_rt_info_min_plen accept_ra_rtr_pref accept_redirects " +
  "accept_source_route autoconf dad_transmits disable_ipv6 drop_unicast_in_l2_multicast " +
  "drop_unsolicited_na forwarding hop_limit ignore_routes_with_linkdown keep_addr_on_down " +
  "max_addresses optimistic_dad proxy_ndp ra_defrtr_metric router_solicitation_interval router_solicitations " +
  "suppress_frag_ndisc temp_prefered_lft temp_valid_lft use_tempaddr";

/**
 * The bridge judges packets as the uplink did. Advertisements of routers are heard where the host
 * lives on them, and nowhere else: containers on the bridge could send some.
 */
export function copySettings(
  netns: string,
  from: string,
  to: string,
  { hearsRouters }: { readonly hearsRouters: boolean },
): void {
  const places: [string, string][] = [
    ...fourth.split(" ").map((name): [string, string] => ["ipv4", name]),
    ...sixth.split(" ").map((name): [string, string] => ["ipv6", name]),
  ];
  const wanted = readSysctls(netns, paths(places, from));
  const found = readSysctls(netns, paths(places, to));
  const changes = places.flatMap(([family, name], i): SysctlValue[] => {
    const value = wanted[i];
    if (value === undefined || found[i] === undefined || value === found[i]) return [];
    return [{ path: `net/${family}/conf/${to}/${name}`, value }];
  });
  const path = `net/ipv6/conf/${to}/accept_ra`;
  // 2: also on a host that forwards.
  const value = hearsRouters ? "2" : "0";
  const heard = readSysctls(netns, [path])[0];
  if (heard !== undefined && heard !== value) changes.push({ path, value });
  writeSysctls(netns, changes);
}

function paths(places: readonly [string, string][], link: string): string[] {
  return places.map(([family, name]) => `net/${family}/conf/${link}/${name}`);
}

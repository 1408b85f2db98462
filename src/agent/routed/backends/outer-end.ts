/** Hosts' ends of what is wrapped: their addresses of the network's `underlayProtocol`. */
import { type Family, familyIn } from "../../../lib/ip.ts";
import type { RoutedNetwork, Underlay } from "../view.ts";

export const outerFamily = ({ spec }: Pick<RoutedNetwork, "spec">): Family =>
  spec.underlayProtocol === "ipv6" ? 6 : 4;

/** The address, or why there is none. */
export function outerEnd(
  network: Pick<RoutedNetwork, "spec">,
  underlay: Underlay,
  who = "it",
): Underlay[number] | { readonly why: string } {
  const family = outerFamily(network);
  const end = underlay.find(({ address }) => familyIn(address) === family);
  return end ?? { why: `${who} has no IPv${family} address that others reach it by` };
}

/** What network types with addresses have in their configurations alike. */
import { oneOf, unlessEmpty } from "../model/parse.ts";

/** The reference's choice of a packet filter. Any is accepted: it is nftables always. */
export const masqueradeBackend = unlessEmpty(oneOf("iptables", "nftables"));

/** Whether the configuration names a plugin for its addresses. */
export function namesIpam(input: Readonly<Record<string, unknown>>): boolean {
  const { ipam } = input;
  return typeof ipam === "object" && ipam !== null && "type" in ipam && Boolean(ipam.type);
}

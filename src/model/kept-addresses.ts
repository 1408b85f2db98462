/** The addresses of a subnet that no port gets: what they are where its object does not say. */
import { formatIp } from "../lib/ip.ts";
import { firstAddress, parsePrefix } from "../lib/prefix.ts";

interface SubnetSpec {
  readonly cidr: string;
  readonly gateway?: string;
  readonly serviceAddress?: string;
}

/** Where ports send what is for others; the first address unless set. */
export const gatewayOf = ({ cidr, gateway }: SubnetSpec): string => gateway ?? nth(cidr, 1n);

/** For DNS and DHCP; the second address unless set. */
export const serviceAddressOf = ({ cidr, serviceAddress }: SubnetSpec): string =>
  serviceAddress ?? nth(cidr, 2n);

/** Behind the network's own address. */
function nth(cidr: string, offset: bigint): string {
  const { family, value } = firstAddress(parsePrefix(cidr));
  return formatIp({ family, value: value + offset });
}

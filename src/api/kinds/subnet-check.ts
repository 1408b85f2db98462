/** What a subnet's schema can't say: how its addresses stand to one another. */
import { addressBits, type Ip, parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import type { Fault } from "../object.ts";
import { rangeFaults } from "./range-faults.ts";

interface Dns {
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

interface SubnetSpec {
  readonly cidr: string;
  readonly gateway?: string;
  readonly serviceAddress?: string;
  readonly reserved?: readonly string[];
  readonly blockSize?: number;
  readonly nodePrefixLength?: number;
  readonly allocationPools?: readonly { readonly start: string; readonly end: string }[];
  readonly dns?: Dns;
  readonly routes?: readonly { readonly destination: string; readonly nextHop?: string }[];
}

/** As in `ipam/block.ts`: a block is written as a whole, so it has 256 addresses at most. */
const blockLengths = {
  4: { min: 24, max: 32, unlessSet: 26 },
  6: { min: 120, max: 128, unlessSet: 122 },
} as const;

export function checkSubnet({ spec }: { readonly spec: SubnetSpec }): Fault[] {
  const faults: Fault[] = [];
  const fault = (path: string, message: string) =>
    faults.push({ path: `spec.${path}`, reason: "FieldValueInvalid", message });
  const cidr = parsePrefix(spec.cidr);
  const inside = (path: string, address: string | undefined): Ip | undefined => {
    if (address === undefined) return undefined;
    const ip = parseIp(address);
    if (containsIp(cidr, ip)) return ip;
    fault(path, `must be an address of ${spec.cidr}`);
    return undefined;
  };
  inside("gateway", spec.gateway);
  inside("serviceAddress", spec.serviceAddress);
  spec.reserved?.forEach((address, i) => void inside(`reserved[${i}]`, address));
  const own = { text: spec.cidr, prefix: cidr };
  faults.push(...rangeFaults(spec.allocationPools, "spec.allocationPools", own));
  dnsFaults(spec.dns ?? {}, fault);
  spec.routes?.forEach(({ destination, nextHop }, i) => {
    const path = `routes[${i}]`;
    if (parsePrefix(destination).family !== cidr.family) {
      fault(`${path}.destination`, `must be of the family of ${spec.cidr}`);
    }
    if (nextHop !== undefined) inside(`${path}.nextHop`, nextHop);
  });
  if (spec.blockSize !== undefined) {
    const { min, max } = blockLengths[cidr.family];
    const least = Math.max(min, cidr.length);
    if (spec.blockSize < least || spec.blockSize > max) {
      fault("blockSize", `must be from ${least} to ${max} in ${spec.cidr}`);
    }
  }
  if (spec.nodePrefixLength !== undefined) {
    const block = Math.max(spec.blockSize ?? blockLengths[cidr.family].unlessSet, cidr.length);
    if (spec.nodePrefixLength < cidr.length || spec.nodePrefixLength > block) {
      const from = `must be from ${cidr.length} to ${block} in ${spec.cidr}`;
      fault("nodePrefixLength", `${from}: a prefix is made of whole blocks, which are /${block}`);
    }
  }
  if (cidr.length > addressBits(cidr.family) - 2) {
    fault("cidr", "holds no addresses beside gateway and service address: take a larger one");
  }
  return faults;
}

/** As resolv.conf has them; a line's end or a blank would begin another word of that file. */
const domain = /^(?=.{1,254}$)(?:\.|[a-z0-9_](?:[-a-z0-9_.]*[a-z0-9_])?\.?)$/i;
const option = /^[!-~]{1,64}$/;

function dnsFaults(
  { domain: own, search = [], options = [] }: Dns,
  fault: (path: string, message: string) => void,
): void {
  const isNone = "must be a domain, as corp.example";
  if (own !== undefined && !domain.test(own)) fault("dns.domain", isNone);
  for (const [i, one] of search.entries()) {
    if (!domain.test(one)) fault(`dns.search[${i}]`, isNone);
  }
  for (const [i, one] of options.entries()) {
    if (!option.test(one))
      fault(`dns.options[${i}]`, "must be an option of resolv.conf, as ndots:2");
  }
}

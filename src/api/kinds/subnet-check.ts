/** What a subnet's schema can't say: how its addresses stand to one another. */
import { addressBits, type Ip, parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import { type IpRange, ipRange, rangesOverlap } from "../../lib/range.ts";
import type { Fault } from "../object.ts";

interface SubnetSpec {
  readonly cidr: string;
  readonly gateway?: string;
  readonly serviceAddress?: string;
  readonly reserved?: readonly string[];
  readonly blockSize?: number;
  readonly allocationPools?: readonly { readonly start: string; readonly end: string }[];
  readonly routes?: readonly { readonly destination: string; readonly nextHop?: string }[];
}

/** As in `ipam/block.ts`: a block is written as a whole, so it has 256 addresses at most. */
const blockLengths = { 4: { min: 24, max: 32 }, 6: { min: 120, max: 128 } } as const;

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
  poolFaults(spec, inside, fault);
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
  if (cidr.length > addressBits(cidr.family) - 2) {
    fault("cidr", "holds no addresses beside gateway and service address: take a larger one");
  }
  return faults;
}

function poolFaults(
  spec: SubnetSpec,
  inside: (path: string, address: string) => Ip | undefined,
  fault: (path: string, message: string) => void,
): void {
  const pools: { readonly path: string; readonly range: IpRange }[] = [];
  for (const [i, { start, end }] of (spec.allocationPools ?? []).entries()) {
    const path = `allocationPools[${i}]`;
    const first = inside(`${path}.start`, start);
    const last = inside(`${path}.end`, end);
    if (!first || !last) continue;
    if (first.value > last.value) {
      fault(path, `must not end before its start ${start}`);
      continue;
    }
    const range = ipRange(first, last);
    const other = pools.find((pool) => rangesOverlap(pool.range, range));
    if (other) fault(path, `overlaps ${other.path}: join them, or move one`);
    pools.push({ path, range });
  }
}

/** What the API's objects say of a subnet's addresses, in the words of this room. */
import { parseIp } from "../lib/ip.ts";
import { parsePrefix } from "../lib/prefix.ts";
import { type IpRange, ipRange } from "../lib/range.ts";
import { gatewayOf, serviceAddressOf } from "../model/kept-addresses.ts";
import type { Selector } from "../model/selector.ts";
import type { SubnetLayout } from "./block.ts";
import type { Pool } from "./pool.ts";

interface RangeText {
  readonly start: string;
  readonly end: string;
}

/** What of a `Subnet` counts here. */
export interface SubnetObject {
  readonly spec: {
    readonly cidr: string;
    readonly gateway?: string;
    readonly serviceAddress?: string;
    readonly reserved?: readonly string[];
    readonly allocationPools?: readonly RangeText[];
    readonly blockSize?: number;
  };
}

/** What of an `IPPool` counts here. */
export interface PoolObject {
  readonly spec: {
    readonly ranges?: readonly RangeText[];
    readonly tenants?: Selector;
    readonly namespaces?: Selector;
    readonly ports?: Selector;
    readonly hosts?: Selector;
  };
}

export function layoutOf(subnet: SubnetObject): SubnetLayout {
  const { spec } = subnet;
  const { reserved = [], blockSize } = spec;
  return {
    cidr: parsePrefix(spec.cidr),
    allocationPools: rangesOf(spec.allocationPools),
    gateway: parseIp(gatewayOf(spec)),
    serviceAddress: parseIp(serviceAddressOf(spec)),
    reserved: reserved.map((address) => ipRange(parseIp(address), parseIp(address))),
    ...(blockSize !== undefined && { blockLength: blockSize }),
  };
}

/** An address of one pool is no other port's. */
export function poolOf({ spec }: PoolObject): Pool {
  const { tenants, namespaces, ports, hosts } = spec;
  return {
    ...(spec.ranges?.length && { ranges: rangesOf(spec.ranges) }),
    ...(tenants && { tenantSelector: tenants }),
    ...(namespaces && { namespaceSelector: namespaces }),
    ...(ports && { labelSelector: ports }),
    ...(hosts && { hostSelector: hosts }),
  };
}

const rangesOf = (list: readonly RangeText[] = []): IpRange[] =>
  list.map(({ start, end }) => ipRange(parseIp(start), parseIp(end)));

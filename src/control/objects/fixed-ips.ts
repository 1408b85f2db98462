/** Addresses that a port asks for: refused where no subnet has them, or nobody may have them. */
import { equalJson } from "../../api/json.ts";
import { kinds, type Port, type Subnet } from "../../api/kinds/index.ts";
import { networkOfPort } from "../../api/kinds/port.ts";
import type { Fault } from "../../api/object.ts";
import { dutyOf } from "../../ipam/block.ts";
import { layoutOf } from "../../ipam/layout.ts";
import { parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import type { Store } from "../store/store.ts";
import { keyOf, keyOfReferrer, prefixOf, referrersPrefix } from "./keys.ts";
import { decodeEntry } from "./stored.ts";

const kindOf = (name: string) => kinds.find(({ kind }) => kind === name)!;

/** Those of the network under this key. */
export async function subnetsOfNetwork(store: Store, network: string): Promise<Subnet[]> {
  const { entries } = await store.list(
    referrersPrefix(network) + prefixOf(kindOf("Subnet")).slice("/registry/".length),
  );
  const found = await store.getAll(entries.map(({ key }) => keyOfReferrer(key)));
  return found.map((entry) => decodeEntry(entry) as Subnet);
}

/**
 * By the subnets that there are: while the network has none, any address may be one of a later
 * subnet. What is made at the same time is looked at again when addresses are given.
 */
export async function fixedIpFaults(store: Store, next: Port, old?: Port): Promise<Fault[]> {
  const fixed = next.spec.fixedIps ?? [];
  if (fixed.length === 0 || equalJson(fixed, old?.spec.fixedIps)) return [];
  const place = networkOfPort(next.spec, next.metadata.namespace ?? "");
  const subnets = await subnetsOfNetwork(store, keyOf(kindOf("Network"), place));
  return fixed.flatMap((wish, i) => faultOf(wish, `spec.fixedIps[${i}]`, subnets) ?? []);
}

type FixedIp = NonNullable<Port["spec"]["fixedIps"]>[number];

function faultOf(
  { subnet: name, address }: FixedIp,
  path: string,
  subnets: readonly Subnet[],
): Fault | undefined {
  const fault = (field: string, message: string): Fault => ({
    ...{ path: `${path}.${field}`, reason: "FieldValueInvalid", message },
  });
  const named = subnets.find(({ metadata }) => metadata.name === name);
  if (name !== undefined && !named) {
    return fault("subnet", `"${name}" is no subnet of the port's network`);
  }
  if (address === undefined) return undefined;
  const ip = parseIp(address);
  const holds = ({ spec }: Subnet) => containsIp(parsePrefix(spec.cidr), ip);
  const among = named ? [named] : subnets;
  const subnet = among.find(holds);
  if (!subnet) {
    const cidrs = among.map(({ spec, metadata }) => `${spec.cidr} ("${metadata.name}")`);
    if (cidrs.length === 0) return undefined;
    const where = named ? "is not in its subnet" : "is in no subnet of the port's network";
    return fault("address", `${address} ${where}: take one of ${cidrs.join(", ")}`);
  }
  const duty = dutyOf(layoutOf(subnet), ip);
  if (duty === undefined) return undefined;
  const whose = `${duty} of subnet "${subnet.metadata.name}"`;
  return fault("address", `${address} is ${whose}, which no port gets: take another one`);
}

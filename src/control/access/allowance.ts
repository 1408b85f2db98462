/** Whether a tenant's members may name what an object of theirs names of hosts. Pure. */
import { type HostThing, thingsNamedAnew } from "../../api/kinds/host-things.ts";
import { type Allowed, boundsOf } from "../../api/kinds/tenant.ts";
import { containsPrefix, parsePrefix } from "../../lib/prefix.ts";
import type { Affected } from "../http/access.ts";

interface Tenant {
  readonly name: string;
  readonly allowed: Allowed | undefined;
}

/** Why they may not; undefined: they may. What the object named already is not asked about. */
export function refusalOf({ name, allowed = {} }: Tenant, affected: Affected): string | undefined {
  if (!affected.next) return undefined;
  const wrong = thingsNamedAnew(affected.old, affected.next).find((thing) => {
    const listed = allowed[thing.as];
    return !judges[thing.as](listed as never, thing.value as never);
  });
  return wrong && tell(name, wrong);
}

const tell = (tenant: string, { path, value, as }: HostThing): string =>
  `${path}: ${JSON.stringify(value)} is not what members of tenant "${tenant}" may name: an admin ` +
  `of all tenants can allow it in spec.allowed.${as} of the tenant`;

type Judges = {
  readonly [Name in keyof Required<Allowed>]: (listed: Allowed[Name], value: never) => boolean;
};

const isNamed = (listed: readonly string[] = [], name: string) =>
  listed.some((each) => (each.endsWith("*") ? name.startsWith(each.slice(0, -1)) : each === name));

const isCounted = (listed: readonly string[] = [], value: number) =>
  listed.some((each) => {
    const [first, last] = boundsOf(each);
    return first <= value && value <= last;
  });

const isOn = (flag: boolean = false) => flag;

function isWithin(listed: readonly string[] | undefined, cidr: string): boolean {
  const own = parsePrefix(cidr);
  return listed === undefined || listed.some((each) => containsPrefix(parsePrefix(each), own));
}

const judges: Judges = {
  parents: isNamed,
  vlans: isCounted,
  uplinks: isNamed,
  takeOver: isOn,
  bridges: isNamed,
  hostNetwork: isOn,
  spoofing: isOn,
  subnets: isWithin,
  devices: isNamed,
  taps: isNamed,
  tapOwners: isCounted,
  tapGroups: isCounted,
  hostPorts: isCounted,
};

/** Options of every network type that say what its containers may send and believe. */
import { ConfigError } from "../model/config-error.ts";
import { flag, optional, type Parser, withDefault } from "../model/parse.ts";

const no = withDefault(flag, false);

export const routerFields = {
  /** Containers take routers' advertisements. */
  acceptRa: no,
} as const;

/** What a type cannot keep to is refused where it is asked for, not passed over. */
const neverTrue =
  (why: string): Parser<undefined> =>
  (value, path) => {
    if (optional(flag)(value, path)) throw new ConfigError(path, `cannot be true: ${why}`);
    return undefined;
  };

/** The guards of a type that has none. `why` says so, and what to do instead. */
export const unguardedFields = (why: string) =>
  ({ ...routerFields, raGuard: neverTrue(why), ipspoofchk: neverTrue(why) }) as const;

export const advertFields = {
  ...routerFields,
  /**
   * Routers' advertisements from containers are dropped. Absent: where the kernel can. True: or
   * the container is refused.
   */
  raGuard: optional(flag),
} as const;

export const guardFields = {
  ...advertFields,
  /** Containers send with their own hardware address only. The reference's word. */
  macspoofchk: no,
  /** The same of IP addresses, in ARP and neighbour discovery too. */
  ipspoofchk: no,
} as const;

export interface AdvertConfig {
  readonly acceptRa: boolean;
  readonly raGuard: boolean | undefined;
}

export interface GuardConfig extends AdvertConfig {
  readonly macspoofchk: boolean;
  readonly ipspoofchk: boolean;
}

/** The configuration of the `routed` network type. */
import { flag, ipPrefix, listOf, object, type Parsed, withDefault } from "../model/parse.ts";
import { unguardedFields } from "./guard-config.ts";
import { masqueradeBackend } from "./masquerade-config.ts";
import { mtu } from "./mtu.ts";

const fields = object({
  /** Unless false, what leaves for outside bears the host's address. */
  ipMasq: withDefault(flag, true),
  ipMasqBackend: masqueradeBackend,
  /** Destinations that see the container's own address, beside its subnets. */
  unmasqueraded: withDefault(listOf(ipPrefix), []),
  mtu,
  ...unguardedFields(
    "what the container sends reaches this host alone, which heeds no routers' advertisements on " +
      "the link: leave it out",
  ),
  /** Containers send with their own addresses only. */
  ipspoofchk: withDefault(flag, false),
});

/** `mtu` 0: as the uplink's. */
export type RoutedConfig = Omit<Parsed<typeof fields>, "raGuard">;

/** Checks a `routed` configuration. Throws ConfigError. */
export function parseRoutedConfig(input: Readonly<Record<string, unknown>>): RoutedConfig {
  return fields(input, "");
}

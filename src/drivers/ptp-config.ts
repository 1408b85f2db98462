/** The configuration of the `ptp` network type, as the reference plugin has it. */
import { flag, object, type Parsed, withDefault } from "../model/parse.ts";
import { unguardedFields } from "./guard-config.ts";
import { masqueradeBackend } from "./masquerade-config.ts";
import { mtu } from "./mtu.ts";

const fields = object({
  ipMasq: withDefault(flag, false),
  ipMasqBackend: masqueradeBackend,
  mtu,
  ...unguardedFields(
    "what the container sends reaches this host alone, which heeds no routers' advertisements on " +
      "the link: leave it out",
  ),
});

/** Names are the reference's. `mtu` 0: as the uplink's. */
export type PtpConfig = Omit<Parsed<typeof fields>, "raGuard" | "ipspoofchk">;

/** Checks a `ptp` configuration. Throws ConfigError. */
export function parsePtpConfig(input: Readonly<Record<string, unknown>>): PtpConfig {
  return fields(input, "");
}

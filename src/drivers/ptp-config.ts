/** The configuration of the `ptp` network type, as the reference plugin has it. */
import { flag, integer, object, type Parsed, withDefault } from "../model/parse.ts";
import { masqueradeBackend } from "./masquerade-config.ts";
import { maxMtu } from "./mtu.ts";

const fields = object({
  ipMasq: withDefault(flag, false),
  ipMasqBackend: masqueradeBackend,
  mtu: withDefault(integer(0, maxMtu), 0),
});

/** Names are the reference's. `mtu` 0: as the uplink's. */
export type PtpConfig = Parsed<typeof fields>;

/** Checks a `ptp` configuration. Throws ConfigError. */
export function parsePtpConfig(input: Readonly<Record<string, unknown>>): PtpConfig {
  return fields(input, "");
}

/** The configuration of the `ptp` network type, as the reference plugin has it. */
import { flag, object, type Parsed, withDefault } from "../model/parse.ts";
import { masqueradeBackend } from "./masquerade-config.ts";
import { mtu } from "./mtu.ts";

const fields = object({
  ipMasq: withDefault(flag, false),
  ipMasqBackend: masqueradeBackend,
  mtu,
});

/** Names are the reference's. `mtu` 0: as the uplink's. */
export type PtpConfig = Parsed<typeof fields>;

/** Checks a `ptp` configuration. Throws ConfigError. */
export function parsePtpConfig(input: Readonly<Record<string, unknown>>): PtpConfig {
  return fields(input, "");
}

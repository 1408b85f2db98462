/** The configuration of the `macvlan` network type, as the reference plugin has it, and more. */
import { ConfigError } from "../model/config-error.ts";
import {
  flag,
  integer,
  listOf,
  macAddress,
  object,
  oneOf,
  optional,
  type Parsed,
  unlessEmpty,
  withDefault,
} from "../model/parse.ts";
import { guardFields } from "./guard-config.ts";
import { hostShimFields, refuseShim } from "./host-shim.ts";
import { mtu } from "./mtu.ts";
import { type ParentConfig, parentConfig, parentFields } from "./parent.ts";

const fields = object({
  ...parentFields,
  mode: unlessEmpty(oneOf("bridge", "private", "vepa", "passthru", "source")),
  mtu,
  mac: unlessEmpty(macAddress),
  bcqueuelen: withDefault(integer(0, 0xffffffff), 0),
  allowedMacs: listOf(macAddress),
  /** The most hardware addresses that containers may have on one parent. */
  maxMacs: optional(integer(1, 65535)),
  ...hostShimFields,
  ...guardFields,
  enabledad: withDefault(flag, false),
});

type Fields = Parsed<typeof fields>;

/** Names are the reference's where it has them. `mtu` 0: as the parent's. */
export interface MacvlanConfig
  extends Omit<Fields, keyof typeof parentFields | "mode" | "allowedMacs">,
    ParentConfig {
  readonly mode: NonNullable<Fields["mode"]>;
  /** Ascending, each once. */
  readonly allowedMacs: readonly string[];
}

/** Checks a `macvlan` configuration. Throws ConfigError. */
export function parseMacvlanConfig(input: Readonly<Record<string, unknown>>): MacvlanConfig {
  const { master, parent, parentSelector, linkInContainer, vlan, ...config } = fields(input, "");
  const mode = config.mode ?? "bridge";
  const allowedMacs = [...new Set(config.allowedMacs)].sort();
  if (mode === "source" && allowedMacs.length === 0) {
    throw new ConfigError(
      "allowedMacs",
      'is empty: in mode "source" a link gets frames from these addresses only, so name some',
    );
  }
  if (mode !== "source" && allowedMacs.length > 0) {
    throw new ConfigError("allowedMacs", `does not go with mode "${mode}": set "mode": "source"`);
  }
  const on = parentConfig({ master, parent, parentSelector, linkInContainer, vlan });
  refuseShim({ ...config, ...on, mode });
  return { ...config, ...on, mode, allowedMacs };
}

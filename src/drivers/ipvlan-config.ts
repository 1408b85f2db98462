/** The configuration of the `ipvlan` network type, as the reference plugin has it, and more. */
import { ConfigError } from "../model/config-error.ts";
import {
  flag,
  listOf,
  object,
  oneOf,
  optional,
  type Parsed,
  record,
  text,
  unlessEmpty,
  withDefault,
} from "../model/parse.ts";
import { type AdvertConfig, advertFields } from "./guard-config.ts";
import { mtu } from "./mtu.ts";
import { type ParentConfig, parentConfig, parentFields } from "./parent.ts";

const fields = object({
  ...parentFields,
  mode: unlessEmpty(oneOf("l2", "l3", "l3s")),
  flag: unlessEmpty(oneOf("bridge", "private", "vepa")),
  mtu,
  enabledad: withDefault(flag, false),
  ...advertFields,
  ipam: optional(record),
});

type Fields = Parsed<typeof fields>;

/** Names are the reference's where it has them. `mtu` 0: as the parent's. */
export interface IpvlanConfig
  extends Pick<Fields, "mtu" | "enabledad">,
    AdvertConfig,
    ParentConfig {
  readonly mode: NonNullable<Fields["mode"]>;
  readonly flag: NonNullable<Fields["flag"]>;
}

/** Checks an `ipvlan` configuration. Throws ConfigError. */
export function parseIpvlanConfig(input: Readonly<Record<string, unknown>>): IpvlanConfig {
  const { ipam, mode = "l2", flag = "bridge", mtu, enabledad, ...rest } = fields(input, "");
  const { acceptRa, raGuard, ...on } = rest;
  if (ipam?.type === "dhcp" && mode !== "l2") {
    throw new ConfigError(
      "ipam.type",
      `"dhcp" asks by broadcast, which mode "${mode}" does not carry: set "mode": "l2"`,
    );
  }
  const config = { ...parentConfig(on), mode, flag, mtu, enabledad, acceptRa, raGuard };
  if (config.parentSelector !== undefined) return config;
  const parent = config.parent ?? chainedParent(input);
  return { ...config, ...(parent === undefined ? {} : { parent }) };
}

const previous = object({ interfaces: listOf(object({ name: text })) });

/** Behind another plugin: the link that it made. */
function chainedParent({ prevResult }: Readonly<Record<string, unknown>>): string | undefined {
  if (prevResult === undefined || prevResult === null) return undefined;
  const [only, ...others] = previous(prevResult, "prevResult").interfaces;
  if (only && others.length === 0 && only.name !== "") return only.name;
  throw new ConfigError(
    "master",
    "is missing, and the plugin before this one has not made one link alone: name the parent link",
  );
}

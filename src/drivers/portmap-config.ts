/** The configuration of published ports, as the reference's `portmap` plugin has it. */
import { formatIp, parseIp, unmapped } from "../lib/ip.ts";
import { ConfigError } from "../model/config-error.ts";
import {
  flag,
  integer,
  ipAddress,
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
import { type PortMapping, publishable } from "./portmap.ts";

const maxPort = 65535;
const port = integer(1, maxPort);

/** `TCP` is `tcp`; absent too. */
function protocol(value: unknown, path: string): PortMapping["protocol"] {
  const names = Object.keys(publishable) as PortMapping["protocol"][];
  const name = withDefault(text, "")(value, path).toLowerCase();
  return name === "" ? "tcp" : oneOf(...names)(name, path);
}

/** `::ffff:127.0.0.1` is 127.0.0.1, as for the reference: packets never bear it. */
function hostIp(value: unknown, path: string): string {
  return formatIp(unmapped(parseIp(ipAddress(value, path))));
}

const mapping = object({
  hostPort: port,
  containerPort: port,
  protocol,
  hostIP: unlessEmpty(hostIp),
  range: optional(integer(1, maxPort)),
});

const fields = object({
  snat: withDefault(flag, true),
  masqAll: withDefault(flag, false),
  /** Not the reference's: a container may reach itself through its published ports. */
  hairpin: withDefault(flag, true),
  backend: unlessEmpty(oneOf("iptables", "nftables")),
  markMasqBit: optional(integer(0, 31)),
  externalSetMarkChain: unlessEmpty(text),
  conditionsV4: listOf(text),
  conditionsV6: listOf(text),
  runtimeConfig: withDefault(object({ portMappings: listOf(mapping) }), { portMappings: [] }),
});

type Fields = Parsed<typeof fields>;

/** What to publish and how. */
export interface PortmapConfig extends Pick<Fields, "snat" | "masqAll" | "hairpin"> {
  readonly mappings: readonly PortMapping[];
}

/**
 * Checks a `portmap` configuration. `backend` and `markMasqBit` choose between ways of the
 * reference; ours is one and the same, so they are checked and have no effect. Throws ConfigError.
 */
export function parsePortmapConfig(input: Readonly<Record<string, unknown>>): PortmapConfig {
  const config = fields(record(input, ""), "");
  refuseIptablesOnly(config);
  const mappings = config.runtimeConfig.portMappings;
  for (const [i, item] of mappings.entries()) {
    checkMapping(item, `runtimeConfig.portMappings[${i}]`);
  }
  refuseTwice(mappings);
  const { snat, masqAll, hairpin } = config;
  return { snat, masqAll, hairpin, mappings };
}

function refuseIptablesOnly(config: Fields): void {
  if (config.externalSetMarkChain !== undefined) {
    throw new ConfigError(
      "externalSetMarkChain",
      "names a chain of iptables, and Netloom marks in nftables: remove the field",
    );
  }
  for (const path of ["conditionsV4", "conditionsV6"] as const) {
    if (config[path].length === 0) continue;
    throw new ConfigError(
      path,
      'cannot restrict a published port here: use "hostIP", or a rule of your own firewall',
    );
  }
}

function checkMapping(item: PortMapping, path: string): void {
  for (const end of ["hostPort", "containerPort"] as const) {
    const last = item[end] + (item.range ?? 1) - 1;
    if (last > maxPort) {
      throw new ConfigError(
        `${path}.range`,
        `leads past port ${maxPort} from "${end}" ${item[end]}`,
      );
    }
  }
  if (item.hostIP?.includes(":") && parseIp(item.hostIP).value === 1n) {
    throw new ConfigError(
      `${path}.hostIP`,
      "cannot be ::1: the kernel routes nothing from it off the host. Use 127.0.0.1 or another address",
    );
  }
}

/** One port of the host leads to one port of the container: of two, one would be lost. */
function refuseTwice(mappings: readonly PortMapping[]): void {
  const targets = new Map<string, number>();
  for (const [i, { hostIP, protocol, hostPort, containerPort, range = 1 }] of mappings.entries()) {
    for (let offset = 0; offset < range; offset++) {
      const key = `${hostIP ?? ""} ${protocol} ${hostPort + offset}`;
      const target = targets.get(key) ?? containerPort + offset;
      targets.set(key, target);
      if (target === containerPort + offset) continue;
      throw new ConfigError(
        `runtimeConfig.portMappings[${i}]`,
        `leads port ${hostPort + offset}/${protocol} to ${containerPort + offset}, ` +
          `but an earlier one leads it to ${target}: remove one of them`,
      );
    }
  }
}

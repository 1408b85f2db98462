/** What a port asks for and its network can't give: refused, not passed over. */
import type { Network, Port, Subnet } from "../api/kinds/index.ts";
import { missingProgram } from "../bgp/program.ts";
import { CniError, cniCodes } from "../cni/errors.ts";
import type { Call } from "../cni/plugin.ts";
import { ConfigError } from "../model/config-error.ts";
import { refuseBackend } from "./routed/backends/index.ts";

type Type = Network["spec"]["type"];

interface Asked {
  readonly network: Network;
  readonly port: Port | undefined;
  readonly subnets: readonly Subnet[];
}

const withoutLink: readonly Type[] = ["host", "none"];
/** The host does not lead to their ports, or not back. */
const unpublished: readonly Type[] = ["macvlan", "ipvlan", "vlan", "overlay", ...withoutLink];
/** The kernel gives their links the parent's. */
const sameMac: readonly Type[] = ["ipvlan", "vlan", ...withoutLink];

/** A field of the port, whether it does not go with the network, and why. */
const rules: readonly [keyof Port["spec"], (asked: Asked) => boolean, string][] = [
  [
    "publish",
    ({ network }) => unpublished.includes(network.spec.type),
    'leads through the host, which takes a network of type "bridge", "ptp" or "routed"',
  ],
  [
    "mac",
    ({ network }) => sameMac.includes(network.spec.type),
    "is the parent's on a network of this type, or none: leave it out",
  ],
  [
    "fixedIps",
    ({ subnets }) => subnets.length === 0,
    "is of the network's subnets, and it has none: declare one, or leave it out",
  ],
];

/**
 * A runtime's own wish for addresses: an address that a port must have is declared with it, so that
 * it is the port's on every host, and counted. Throws ConfigError.
 */
export function refuseGivenIps({ args, conf }: Pick<Call, "args" | "conf">): void {
  const given: readonly [string, unknown][] = [
    ["runtimeConfig.ips", conf.runtimeConfig.ips],
    ["args.cni.ips", conf.cniArgs.ips],
    ["CNI_ARGS IP", args.values.get("IP") || undefined],
  ];
  const asked = given.find(([, value]) => value !== undefined && !isEmptyList(value));
  if (!asked) return;
  throw new ConfigError(
    asked[0],
    "does not go with a declared network: declare a port with that address in its spec.fixedIps, " +
      "and name the port",
  );
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** Without its program a host can't tell anybody where its containers are. Throws CniError. */
function refuseUnspoken({ spec }: Network): void {
  if (spec.type !== "routed" || spec.backend !== "bgp") return;
  const why = missingProgram();
  if (why !== undefined) throw new CniError(cniCodes.tryLater, why);
}

/** Throws ConfigError, CniError. */
export function refuseUnfit(asked: Asked): void {
  refuseBackend(asked.network);
  refuseUnspoken(asked.network);
  const spec = asked.port?.spec;
  if (!spec) return;
  for (const [field, isUnfit, why] of rules) {
    const value = spec[field];
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (isGiven && isUnfit(asked)) throw new ConfigError(`spec.${field}`, why);
  }
}

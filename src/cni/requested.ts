/** What the runtime asks for in particular: addresses, gateways and a hardware address. */
import { ConfigError } from "../model/config-error.ts";
import {
  ipAddress,
  ipPrefix,
  listOf,
  macAddress,
  type Parser,
  text,
  unlessEmpty,
} from "../model/parse.ts";
import type { Call } from "./plugin.ts";

type Asked = Pick<Call, "args" | "conf" | "runtimeConfig">;

/** An address with or without prefix length, in canonical text. */
const address: Parser<string> = (value, path) =>
  text(value, path).includes("/") ? ipPrefix(value, path) : ipAddress(value, path);

const addresses = listOf(address);

/**
 * The addresses to give: those of `args.cni.ips`, or without them of CNI_ARGS' deprecated `IP`,
 * and those of `runtimeConfig.ips`; each once. Throws ConfigError.
 */
export function requestedIps({ args, conf, runtimeConfig }: Asked): string[] {
  const fromArgs = addresses(conf.cniArgs.ips, "args.cni.ips");
  const asked = fromArgs.length > 0 ? fromArgs : envAddresses(args.values.get("IP"), "IP");
  return [...new Set([...asked, ...addresses(runtimeConfig.ips, "runtimeConfig.ips")])];
}

/** The gateways of CNI_ARGS' `GATEWAY`, which `static` knows. Throws ConfigError. */
export function requestedGateways({ args }: Asked): string[] {
  return envAddresses(args.values.get("GATEWAY"), "GATEWAY");
}

/**
 * The container's hardware address: `runtimeConfig.mac`, else `args.cni.mac`, else CNI_ARGS' `MAC`.
 * Throws ConfigError.
 */
export function requestedMac({ args, conf, runtimeConfig }: Asked): string | undefined {
  const mac = unlessEmpty(macAddress);
  return (
    mac(runtimeConfig.mac, "runtimeConfig.mac") ??
    mac(conf.cniArgs.mac, "args.cni.mac") ??
    mac(args.values.get("MAC"), "CNI_ARGS MAC")
  );
}

/** Several are separated by commas, as the reference's `static` takes them. */
function envAddresses(list: string | undefined, key: string): string[] {
  if (!list) return [];
  const path = `CNI_ARGS ${key}`;
  return list.split(",").map((one) => {
    if (one.trim() === "") throw new ConfigError(path, "holds an empty address: leave it out");
    return address(one.trim(), path);
  });
}

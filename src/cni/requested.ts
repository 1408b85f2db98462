/** The hardware address that the runtime asks for in particular. */
import { macAddress, unlessEmpty } from "../model/parse.ts";
import type { Call } from "./plugin.ts";

const mac = unlessEmpty(macAddress);

/** That of `runtimeConfig.mac`, else `args.cni.mac`, else CNI_ARGS' `MAC`. Throws ConfigError. */
export function requestedMac({
  args,
  conf,
  runtimeConfig,
}: Pick<Call, "args" | "conf" | "runtimeConfig">): string | undefined {
  return (
    mac(runtimeConfig.mac, "runtimeConfig.mac") ??
    mac(conf.cniArgs.mac, "args.cni.mac") ??
    mac(args.values.get("MAC"), "CNI_ARGS MAC")
  );
}

/** A container that reaches itself through its own published port. */
import type { KernelObject } from "../model/kernel-object.ts";
import type { Driver } from "./driver.ts";

/**
 * The driver with ports of bridges that send frames back where they came from. With br_netfilter
 * the bridge itself translates the destination, and the frame never reaches the host's routing.
 */
export function withHairpin<Config>(driver: Driver<Config>): Driver<Config> {
  return {
    ...driver,
    port: (port, config, host) => driver.port(port, config, host).map(hairpinned),
  };
}

function hairpinned(object: KernelObject): KernelObject {
  if (object.kind !== "link" || object.bridgePort === undefined) return object;
  return { ...object, bridgePort: { ...object.bridgePort, hairpin: true } };
}

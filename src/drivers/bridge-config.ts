/** The configuration of the `bridge` network type, as the reference plugin has it. */
import { ConfigError } from "../model/config-error.ts";
import type { BridgeVlan } from "../model/kernel-object.ts";
import {
  flag,
  integer,
  listOf,
  object,
  optional,
  type Parsed,
  unlessEmpty,
  withDefault,
} from "../model/parse.ts";

import { refuseContradictions, uplinkFields } from "./bridge-uplink.ts";

import { guardFields } from "./guard-config.ts";

import { linkName } from "./link-name.ts";
import { masqueradeBackend, namesIpam } from "./masquerade-config.ts";
import { mtu } from "./mtu.ts";

const no = withDefault(flag, false);
const defaultBridge = "cni0";
const vlanId = integer(1, 4094);

const fields = object({
  ...uplinkFields,
  bridge: unlessEmpty(linkName),
  isGateway: no,
  isDefaultGateway: no,
  forceAddress: no,
  /** Not the reference's: the bridge has gateways of several IPv4 subnets. */
  severalSubnets: no,
  ipMasq: no,
  ipMasqBackend: masqueradeBackend,
  mtu,
  hairpinMode: no,
  promiscMode: no,
  ...guardFields,
  portIsolation: no,
  enabledad: no,
  disableContainerInterface: no,
  vlan: withDefault(integer(0, 4094), 0),
  vlanTrunk: listOf(
    object({ minID: optional(vlanId), maxID: optional(vlanId), id: optional(vlanId) }),
  ),
  preserveDefaultVlan: no,
});

type Fields = Parsed<typeof fields>;

/** Names are the reference's. `mtu` 0: as the uplink's. */
export interface BridgeConfig extends Omit<Fields, "bridge" | "vlanTrunk"> {
  readonly bridge: string;
  readonly vlanTrunk: readonly BridgeVlan[];
}

/** Checks a `bridge` configuration. Throws ConfigError. */
export function parseBridgeConfig(input: Readonly<Record<string, unknown>>): BridgeConfig {
  const config = fields(input, "");
  if (config.hairpinMode && config.promiscMode) {
    throw new ConfigError("hairpinMode", 'does not go with "promiscMode": take one of the two');
  }
  if (config.disableContainerInterface && namesIpam(input)) {
    throw new ConfigError(
      "disableContainerInterface",
      'does not go with "ipam", whose addresses need the interface up: take one of the two',
    );
  }
  refuseContradictions({ ...config, bridge: config.bridge ?? defaultBridge });
  return {
    ...config,
    bridge: config.bridge ?? defaultBridge,
    isGateway: config.isGateway || config.isDefaultGateway,
    vlanTrunk: trunkVlans(config.vlanTrunk),
  };
}

/** The trunk's VLANs one by one, ascending, each once. */
function trunkVlans(items: Fields["vlanTrunk"]): BridgeVlan[] {
  const ids = new Set<number>();
  items.forEach(({ minID, maxID, id }, i) => {
    const path = `vlanTrunk[${i}]`;
    if ((minID === undefined) !== (maxID === undefined)) {
      throw new ConfigError(path, `has "${minID ? "minID" : "maxID"}" alone: set both ends`);
    }
    if (minID !== undefined && maxID !== undefined) {
      if (minID > maxID) throw new ConfigError(path, `"minID" ${minID} is above "maxID" ${maxID}`);
      for (let vid = minID; vid <= maxID; vid++) ids.add(vid);
    }
    if (id !== undefined) ids.add(id);
  });
  return [...ids].sort((a, b) => a - b).map((vid) => ({ vid }));
}

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
import { linkName } from "./link-name.ts";
import { masqueradeBackend, namesIpam } from "./masquerade-config.ts";
import { mtu } from "./mtu.ts";

const no = withDefault(flag, false);
const vlanId = integer(1, 4094);

const fields = object({
  bridge: unlessEmpty(linkName),
  isGateway: no,
  isDefaultGateway: no,
  forceAddress: no,
  ipMasq: no,
  ipMasqBackend: masqueradeBackend,
  mtu,
  hairpinMode: no,
  promiscMode: no,
  macspoofchk: no,
  portIsolation: no,
  enabledad: no,
  disableContainerInterface: no,
  vlan: withDefault(integer(0, 4094), 0),
  vlanTrunk: listOf(
    object({ minID: optional(vlanId), maxID: optional(vlanId), id: optional(vlanId) }),
  ),
  preserveDefaultVlan: withDefault(flag, true),
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
  const vlanTrunk = trunkVlans(config.vlanTrunk);
  if (config.vlan !== 0 && vlanTrunk.length > 0) {
    throw new ConfigError("vlan", 'does not go with "vlanTrunk": take one of the two');
  }
  return {
    ...config,
    bridge: config.bridge ?? "cni0",
    isGateway: config.isGateway || config.isDefaultGateway,
    vlanTrunk,
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

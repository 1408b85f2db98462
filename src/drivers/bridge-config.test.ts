/** Which configurations of a bridge network are taken, and what is said of the others. */
import { expect, test } from "bun:test";
import { ConfigError } from "../model/config-error.ts";
import { type BridgeConfig, parseBridgeConfig } from "./bridge-config.ts";

const defaults: BridgeConfig = {
  uplink: undefined,
  uplinkVlan: undefined,
  takeOver: false,
  bridge: "cni0",
  isGateway: false,
  isDefaultGateway: false,
  forceAddress: false,
  severalSubnets: false,
  ipMasq: false,
  ipMasqBackend: undefined,
  mtu: 0,
  hairpinMode: false,
  promiscMode: false,
  acceptRa: false,
  raGuard: undefined,
  macspoofchk: false,
  ipspoofchk: false,
  portIsolation: false,
  enabledad: false,
  disableContainerInterface: false,
  vlan: 0,
  vlanTrunk: [],
  preserveDefaultVlan: false,
};

const taken: [string, Record<string, unknown>, Partial<BridgeConfig>][] = [
  ["nothing", {}, {}],
  ["fields of others", { type: "bridge", name: "blue", ipam: {}, dns: {}, unknown: 1 }, {}],
  ["an empty name, as none", { bridge: "" }, {}],
  ["null, as absent", { bridge: null, mtu: null, vlan: null, vlanTrunk: null }, {}],
  ["a name", { bridge: "br-0.1" }, { bridge: "br-0.1" }],
  ["keys in other letters", { ISGATEWAY: true, Bridge: "br0" }, { isGateway: true, bridge: "br0" }],
  ["isDefaultGateway", { isDefaultGateway: true }, { isDefaultGateway: true, isGateway: true }],
  ["an MTU", { mtu: 9000 }, { mtu: 9000 }],
  ["both backends", { ipMasqBackend: "iptables" }, { ipMasqBackend: "iptables" }],
  ["a VLAN", { vlan: 4094 }, { vlan: 4094 }],
  [
    "a trunk of ranges and single VLANs, once each and in order",
    { vlanTrunk: [{ minID: 10, maxID: 12 }, { id: 5 }, { id: 11 }, { minID: 7, maxID: 7, id: 3 }] },
    { vlanTrunk: [3, 5, 7, 10, 11, 12].map((vid) => ({ vid })) },
  ],
  ["preserveDefaultVlan", { preserveDefaultVlan: true }, { preserveDefaultVlan: true }],
  [
    "a VLAN beside a trunk",
    { vlan: 5, vlanTrunk: [{ id: 6 }] },
    { vlan: 5, vlanTrunk: [{ vid: 6 }] },
  ],
];
test.each(taken)("takes %s", (_, input, config) => {
  expect(parseBridgeConfig(input)).toEqual({ ...defaults, ...config });
});

const flags = [
  ...["isGateway", "forceAddress", "ipMasq", "hairpinMode", "promiscMode", "macspoofchk"],
  ...["acceptRa", "raGuard", "ipspoofchk"],
  ...["portIsolation", "enabledad", "disableContainerInterface"],
] as const;
test.each(flags)("takes %s as true, and refuses other than true and false", (flag) => {
  expect(parseBridgeConfig({ [flag]: true })).toEqual({ ...defaults, [flag]: true });
  expect(() => parseBridgeConfig({ [flag]: "true" })).toThrow(`${flag}: must be true or false`);
});

const refused: [string, Record<string, unknown>, string, RegExp][] = [
  ["a name of 16 bytes", { bridge: "b".repeat(16) }, "bridge", /1 to 15 bytes/],
  ["a name with a slash", { bridge: "a/b" }, "bridge", /"a\/b" is no name for a link/],
  ["a name that is a number", { bridge: 5 }, "bridge", /must be a string/],
  ["a negative MTU", { mtu: -1 }, "mtu", /whole number from 0 to 65535/],
  ["an MTU that is too large", { mtu: 65536 }, "mtu", /whole number from 0 to 65535/],
  ["an MTU that is too small", { mtu: 67 }, "mtu", /68 or more/],
  ["a VLAN that is none", { vlan: 4095 }, "vlan", /from 0 to 4094/],
  ["another backend", { ipMasqBackend: "pf" }, "ipMasqBackend", /one of "iptables", "nftables"/],
  [
    "hairpin and promiscuous mode",
    { hairpinMode: true, promiscMode: true },
    "hairpinMode",
    /"promiscMode"/,
  ],
  ["a trunk that is no list", { vlanTrunk: {} }, "vlanTrunk", /must be a list/],
  ["VLAN 0 in a trunk", { vlanTrunk: [{ id: 0 }] }, "vlanTrunk[0].id", /from 1 to 4094/],
  ["half a range", { vlanTrunk: [{ id: 1 }, { minID: 3 }] }, "vlanTrunk[1]", /"minID" alone/],
  ["the other half", { vlanTrunk: [{ maxID: 3 }] }, "vlanTrunk[0]", /"maxID" alone/],
  [
    "a range backwards",
    { vlanTrunk: [{ minID: 9, maxID: 8 }] },
    "vlanTrunk[0]",
    /"minID" 9 is above "maxID" 8/,
  ],
  [
    "a link left down although IPAM gives addresses",
    { disableContainerInterface: true, ipam: { type: "host-local" } },
    "disableContainerInterface",
    /"ipam"/,
  ],
];
test.each(refused)("refuses %s with the field's path", (_, input, path, message) => {
  try {
    parseBridgeConfig(input);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).path).toBe(path);
    expect((error as Error).message).toMatch(message);
    return;
  }
  throw new Error("it was taken");
});

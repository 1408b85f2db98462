/** Networks' fields that go with some types, or with other fields, only. */
import { expect, test } from "bun:test";
import { networkKind } from "./network.ts";

const flags = {
  ...{ takeOver: false, masquerade: false, hairpin: true, portIsolation: false, hostShim: false },
  ...{ antiSpoofing: true, acceptRouterAdvertisements: false, sendRouterAdvertisements: false },
  ...{ duplicateAddressDetection: false, mtu: 0 },
};

const faults = (spec: Record<string, unknown>) =>
  networkKind.check!({ spec: { ...flags, ...spec } } as never)
    .map(({ path, reason }) => `${path} ${reason.replace("FieldValue", "")}`)
    .sort();

const table: [string, Record<string, unknown>, string[]][] = [
  ["a bridge", { type: "bridge", portIsolation: true, masquerade: true }, []],
  ["a VLAN of an uplink", { type: "bridge", uplink: "eth1", vlan: 7 }, []],
  ["a VLAN of a bridge alone", { type: "bridge", vlan: 7 }, ["spec.vlan Invalid"]],
  [
    "an uplink and masquerading",
    { type: "bridge", uplink: "eth1", masquerade: true },
    ["spec.masquerade Invalid"],
  ],
  ["an uplink's take-over alone", { type: "bridge", takeOver: true }, ["spec.takeOver Invalid"]],
  ["no parent", { type: "macvlan" }, ["spec.parent Required"]],
  ["a parent by a subnet", { type: "ipvlan", parentSelector: { subnet: "10.0.0.0/8" } }, []],
  [
    "a parent by name and otherwise",
    { type: "macvlan", parent: "eth1", parentSelector: { defaultRoute: true } },
    ["spec.parentSelector Forbidden"],
  ],
  [
    "a parent in two ways",
    { type: "vlan", vlan: 5, parentSelector: { subnet: "10.0.0.0/8", defaultRoute: true } },
    ["spec.parentSelector Invalid"],
  ],
  [
    "a parent in no way",
    { type: "macvlan", parentSelector: { macs: [], defaultRoute: false } },
    ["spec.parentSelector Invalid"],
  ],
  [
    "a bridge's parent",
    { type: "bridge", parentSelector: { defaultRoute: true } },
    ["spec.parentSelector Forbidden"],
  ],
  [
    "a source mode",
    { type: "macvlan", parent: "eth1", mode: "source", allowedMacs: ["02:00:00:00:00:01"] },
    [],
  ],
  [
    "a source mode of nobody",
    { type: "macvlan", parent: "eth1", mode: "source" },
    ["spec.allowedMacs Required"],
  ],
  [
    "addresses of a source mode in another",
    { type: "macvlan", parent: "eth1", allowedMacs: ["02:00:00:00:00:01"] },
    ["spec.allowedMacs Invalid"],
  ],
  [
    "a shim where links are apart",
    { type: "macvlan", parent: "eth1", mode: "private", hostShim: true },
    ["spec.hostShim Invalid"],
  ],
  [
    "a shim's addresses without one",
    { type: "macvlan", parent: "eth1", hostShimAddresses: ["10.1.0.1"] },
    ["spec.hostShimAddresses Invalid"],
  ],
  [
    "macvlan's options of ipvlan",
    { type: "ipvlan", parent: "eth1", maxMacs: 5, hostShim: true, mode: "vepa" },
    [
      "spec.hostShim Forbidden",
      "spec.hostShim Invalid",
      "spec.maxMacs Forbidden",
      "spec.mode Invalid",
    ],
  ],
  ["ipvlan's flag", { type: "ipvlan", parent: "eth1", ipvlanFlag: "private" }, []],
  [
    "ipvlan's flag of a bridge",
    { type: "bridge", ipvlanFlag: "vepa" },
    ["spec.ipvlanFlag Forbidden"],
  ],
  [
    "routers behind ptp",
    { type: "ptp", sendRouterAdvertisements: true, duplicateAddressDetection: true },
    ["spec.duplicateAddressDetection Forbidden", "spec.sendRouterAdvertisements Forbidden"],
  ],
  ["a VLAN without its number", { type: "vlan", parent: "eth1" }, ["spec.vlan Required"]],
  ["an MTU that no link has", { type: "ptp", mtu: 67 }, ["spec.mtu Invalid"]],
];

test.each(table)("%s", (_name, spec, expected) => {
  expect(faults(spec)).toEqual(expected);
});

/** Configurations of bridges that filter VLANs; they run where the kernel has these. */
import { bridge, type Case, hostLocal, list, subnet4, subnet6 } from "./case.ts";

const needs = ["vlan filtering"] as const;
const dual = hostLocal([subnet4, subnet6]);
const trunk = [{ minID: 100, maxID: 102 }, { id: 200 }];

export const bridgeVlanCases: readonly Case[] = [
  { name: "a VLAN", needs, list: list(bridge({ vlan: 100 })), containers: 2, traffic: true },
  {
    name: "a VLAN, without the default one",
    needs,
    list: list(bridge({ vlan: 100, preserveDefaultVlan: false, ipam: dual })),
    containers: 2,
    traffic: true,
  },
  {
    name: "a VLAN, with the default one",
    needs,
    list: list(bridge({ vlan: 100, preserveDefaultVlan: true })),
  },
  {
    name: "a VLAN with a gateway in it",
    needs,
    list: list(bridge({ vlan: 100, isGateway: true, ipam: dual })),
    containers: 2,
    traffic: true,
  },
  {
    name: "a VLAN with a gateway in it and masquerade",
    needs,
    list: list(bridge({ vlan: 100, isDefaultGateway: true, ipMasq: true })),
    traffic: true,
  },
  {
    name: "a VLAN with a gateway, without the default one",
    needs,
    list: list(bridge({ vlan: 7, isGateway: true, preserveDefaultVlan: false })),
  },
  {
    name: "a VLAN with hairpin mode",
    needs,
    list: list(bridge({ vlan: 4094, hairpinMode: true })),
  },
  { name: "VLAN 1", needs, list: list(bridge({ vlan: 1 })) },
  {
    name: "a trunk of VLANs",
    needs,
    list: list(bridge({ ipam: {}, vlanTrunk: trunk })),
    containers: 2,
  },
  {
    name: "a trunk of VLANs with addresses",
    needs,
    list: list(bridge({ vlanTrunk: trunk, ipam: dual })),
    traffic: true,
    containers: 2,
  },
  {
    name: "a trunk without the default VLAN",
    needs,
    list: list(bridge({ ipam: {}, vlanTrunk: trunk, preserveDefaultVlan: false })),
  },
  {
    name: "a trunk with VLAN 1 in it",
    needs,
    list: list(bridge({ ipam: {}, vlanTrunk: [{ minID: 1, maxID: 3 }] })),
  },
  {
    name: "a trunk with another VLAN for untagged frames",
    needs,
    list: list(bridge({ ipam: {}, vlan: 50, vlanTrunk: trunk })),
  },
  {
    name: "a trunk that has its VLAN for untagged frames among the tagged",
    needs,
    list: list(bridge({ ipam: {}, vlan: 100, vlanTrunk: trunk, preserveDefaultVlan: true })),
  },
  {
    name: "a VLAN with a gateway that no address asks for",
    needs,
    list: list(bridge({ ipam: {}, vlan: 100, isGateway: true })),
  },
  {
    name: "a VLAN on a bridge that somebody made before, without filtering",
    needs,
    list: list(bridge({ vlan: 100 })),
    host: { prepare: "ip link add br0 type bridge; ip link set br0 up" },
  },
  {
    name: "a VLAN when the namespace has gone",
    needs,
    list: list(bridge({ vlan: 100, isGateway: true })),
    vanished: true,
  },
];

/** Declared networks as drivers take them. */
import { describe, expect, test } from "bun:test";
import type { Network } from "../api/kinds/index.ts";
import { ConfigError } from "../model/config-error.ts";
import { bridgeName, engineNetwork, inDeclaredWords, networkConfig } from "./network-config.ts";

const network = (spec: Record<string, unknown>) =>
  ({
    metadata: { namespace: "default", name: "blue", uid: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9" },
    spec: {
      ...{ takeOver: false, masquerade: false, hairpin: true, antiSpoofing: true },
      ...{ acceptRouterAdvertisements: false, hostShim: false, mtu: 0, ...spec },
    },
  }) as unknown as Network;

const parsed = (spec: Record<string, unknown>, cidrs = ["10.1.0.0/24"]) => {
  const { driver, raw } = networkConfig(network(spec), undefined, cidrs);
  return driver!.parse(raw);
};

describe("a network is", () => {
  const table: [string, Record<string, unknown>, Record<string, unknown>][] = [
    [
      "a bridge of its own, with the gateway and guards",
      { type: "bridge", masquerade: true, mtu: 1400 },
      {
        ...{ bridge: "nlb-0a1b2c3d", isGateway: true, isDefaultGateway: false, ipMasq: true },
        ...{ mtu: 1400, macspoofchk: true, ipspoofchk: true, acceptRa: false },
      },
    ],
    [
      "a bridge on an uplink, whose network has routers of its own",
      { type: "bridge", bridge: "lan0", uplink: "eth1", takeOver: true },
      { bridge: "lan0", uplink: "eth1", takeOver: true, isGateway: false, ipMasq: false },
    ],
    [
      "a bridge with a VLAN of its uplink",
      { type: "bridge", uplink: "eth1", vlan: 7, portIsolation: true },
      { uplink: "eth1", uplinkVlan: 7, vlan: 0, portIsolation: true, severalSubnets: true },
    ],
    [
      "macvlan with all that it can",
      {
        ...{ type: "macvlan", parent: "eth1", hostShim: true, maxMacs: 9 },
        ...{ hostShimAddresses: ["10.1.0.1"], sendRouterAdvertisements: true },
      },
      { hostShim: true, hostShimAddresses: ["10.1.0.1/32"], maxMacs: 9, raGuard: false },
    ],
    [
      "macvlan of some senders",
      { type: "macvlan", parent: "eth1", mode: "source", allowedMacs: ["02:00:00:00:00:01"] },
      { mode: "source", allowedMacs: ["02:00:00:00:00:01"] },
    ],
    [
      "ipvlan with a flag",
      { type: "ipvlan", parent: "eth1", ipvlanFlag: "vepa", duplicateAddressDetection: true },
      { flag: "vepa", enabledad: true, mode: "l2" },
    ],
    ["pairs", { type: "ptp", masquerade: true }, { ipMasq: true }],
    [
      "routed, masqueraded but to its own subnets, and guarded",
      { type: "routed", masquerade: undefined },
      { ipMasq: true, unmasqueraded: ["10.1.0.0/24"], ipspoofchk: true, acceptRa: false },
    ],
    [
      "routed as it is",
      { type: "routed", antiSpoofing: false },
      { ipMasq: false, ipspoofchk: false },
    ],
    [
      "macvlan in a VLAN, in the usual mode",
      { type: "macvlan", parent: "eth1", vlan: 7 },
      { parent: "eth1", vlan: 7, mode: "bridge", ipspoofchk: true, hostShim: false },
    ],
    ["ipvlan", { type: "ipvlan", parent: "eth1", mode: "l3" }, { parent: "eth1", mode: "l3" }],
    ["a VLAN", { type: "vlan", parent: "eth1", vlan: 9 }, { parent: "eth1", vlanId: 9 }],
  ];
  test.each(table)("%s", (_name, spec, expected) => {
    expect(parsed(spec)).toMatchObject(expected);
  });

  test("not guarded by addresses where it gives none", () => {
    expect(parsed({ type: "bridge" }, [])).toMatchObject({
      macspoofchk: true,
      ipspoofchk: false,
    });
  });

  test("without a driver where ports have no link", () => {
    for (const type of ["host", "none"]) {
      expect(networkConfig(network({ type }), undefined, []).driver).toBeUndefined();
    }
  });
});

test("published ports become CNI's port mappings", () => {
  const publish = [
    { hostPort: 80, containerPort: 8080, protocol: "tcp", hostIp: "10.0.0.1" },
  ] as const;
  expect(networkConfig(network({ type: "bridge" }), { publish }, []).portMappings).toEqual([
    { hostPort: 80, containerPort: 8080, protocol: "tcp", hostIP: "10.0.0.1" },
  ]);
});

test("what spans hosts has what passes between them", () => {
  const of = (mtu: number, told?: number) => {
    const own = { ...network({ type: "routed", mtu }), status: { mtu: told } } as Network;
    return networkConfig(own, undefined, []).raw.mtu;
  };
  expect([of(0, 1450), of(1400, 1380), of(1400), of(0)]).toEqual([1450, 1380, 1400, undefined]);
});

test("routes of a routed port lead to its host, which is a router", () => {
  expect(networkConfig(network({ type: "routed" }), undefined, [])).toMatchObject({
    isRouter: true,
    isRouted: true,
  });
});

test("names fit links and CNI", () => {
  expect(bridgeName(network({ type: "bridge" })).length).toBeLessThanOrEqual(15);
  expect(engineNetwork(network({ type: "bridge" }))).toBe("default.blue");
});

test("a driver's complaint names the field that was declared", () => {
  const complaint = new ConfigError("master", 'there is no link "nil"');
  expect((inDeclaredWords(complaint) as Error).message).toBe('spec.parent: there is no link "nil"');
  const other = new ConfigError("mtu", "1501 is more than the parent's");
  expect((inDeclaredWords(other) as Error).message).toBe(
    "spec.mtu: 1501 is more than the parent's",
  );
  const foreign = [new ConfigError("args.cni.port", "is no name"), new Error("master: x")];
  expect(foreign.map(inDeclaredWords)).toEqual(foreign);
});

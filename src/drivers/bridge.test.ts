/** What containers on a bridge need, from the configuration and the host alone. */
import { describe, expect, test } from "bun:test";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import type { Port } from "../model/port.ts";
import { bridge } from "./bridge.ts";
import { ofKind, plainHost, plainPort, sysctlsOf } from "./driver-fixture.ts";

type Input = Record<string, unknown>;

function portObjects(input: Input, port: Port = plainPort, host = plainHost): KernelObject[] {
  const config = bridge.parse(input);
  return bridge.port(bridge.complete(port, config), config, host);
}

const networkObjects = (input: Input, host = plainHost) =>
  bridge.network(bridge.parse(input), "blue", host);

function pairOf(input: Input) {
  const pair = ofKind("link", portObjects(input)).find(({ name }) => name === plainPort.hostLink);
  if (pair?.type !== "veth") throw new Error("there is no pair");
  return pair;
}

describe("complete", () => {
  const complete = (input: Input, port: Partial<Port> = {}) =>
    bridge.complete({ ...plainPort, ...port }, bridge.parse(input));

  test("leaves a port without gateway as it is", () => {
    expect(complete({})).toEqual(plainPort);
  });

  test("takes the first address of the subnet as gateway where IPAM names none", () => {
    const ips = [{ address: "10.1.0.200/25" }, { address: "fd00::5/64", gateway: "fd00::99" }];
    expect(complete({ isGateway: true }, { ips }).ips.map(({ gateway }) => gateway)).toEqual([
      "10.1.0.129",
      "fd00::99",
    ]);
  });

  test("adds no default route for isGateway, one a family for isDefaultGateway", () => {
    expect(complete({ isGateway: true }).routes).toEqual([]);
    expect(complete({ isDefaultGateway: true }).routes).toEqual([
      { dst: "0.0.0.0/0", gw: "10.1.0.1" },
      { dst: "::/0", gw: "fd00::1" },
    ]);
  });

  test("leaves a default route with a gateway that IPAM gave", () => {
    const routes = [{ dst: "0.0.0.0/0", gw: "10.1.0.77" }];
    expect(complete({ isDefaultGateway: true }, { routes }).routes).toEqual([
      ...routes,
      { dst: "::/0", gw: "fd00::1" },
    ]);
  });
});

describe("network", () => {
  test("is one bridge that ignores router advertisements", () => {
    const [link, ...rest] = networkObjects({});
    expect(link).toEqual({
      ...({ netns: hostNetns, scope: "net:blue", life: "shared" } as const),
      ...({ kind: "link", type: "bridge", name: "cni0", mac: "mac of bridge cni0" } as const),
      ...{ mtu: 1500, alias: "netloom:cni", up: true },
    });
    expect(sysctlsOf(rest)).toEqual(["net/ipv6/conf/cni0/accept_ra=0"]);
  });

  const settings: [string, Input, object][] = [
    ["its name", { bridge: "br7" }, { name: "br7" }],
    ["its MTU", { mtu: 1400 }, { mtu: 1400 }],
    ["promiscuous mode", { promiscMode: true }, { promisc: true }],
    ["VLAN filtering for a VLAN", { vlan: 5 }, { vlanFiltering: true }],
    ["VLAN filtering for a trunk", { vlanTrunk: [{ id: 5 }] }, { vlanFiltering: true }],
  ];
  test.each(settings)("has %s as configured", (_, input, expected) => {
    expect(networkObjects(input)[0]).toMatchObject(expected);
  });

  test("takes its MTU from the uplink, and asks nothing of IPv6 where there is none", () => {
    const objects = networkObjects({}, { ...plainHost, uplinkMtu: 1300, ipv6: false });
    expect(objects).toHaveLength(1);
    expect(objects[0]).toMatchObject({ mtu: 1300 });
  });
});

describe("port", () => {
  test("is a pair from the bridge into the container's namespace", () => {
    expect(pairOf({})).toEqual({
      ...({ netns: hostNetns, scope: "att:0123456789abcdef", life: "exclusive" } as const),
      ...({ kind: "link", type: "veth", name: "nl0123456789a", mac: plainPort.hostMac } as const),
      ...{ mtu: 1500, alias: plainPort.alias, up: true, master: "cni0" },
      bridgePort: { hairpin: false, isolated: false },
      peer: { netns: "/run/netns/c1", name: "eth0", mac: plainPort.mac, mtu: 1500, up: true },
    });
  });

  const settings: [string, Input, object][] = [
    ["hairpin mode", { hairpinMode: true }, { bridgePort: { hairpin: true, isolated: false } }],
    ["isolation", { portIsolation: true }, { bridgePort: { hairpin: false, isolated: true } }],
    ["its end left down", { disableContainerInterface: true }, { peer: { up: false } }],
    ["the MTU at both ends", { mtu: 1400 }, { mtu: 1400, peer: { mtu: 1400 } }],
    [
      "its VLAN beside the default one",
      { vlan: 5, preserveDefaultVlan: true },
      {
        vlans: [
          { vid: 1, untagged: true },
          { vid: 5, pvid: true, untagged: true },
        ],
      },
    ],
    ["its VLAN alone", { vlan: 5 }, { vlans: [{ vid: 5, pvid: true, untagged: true }] }],
    [
      "VLAN 1, which is the default one",
      { vlan: 1, preserveDefaultVlan: true },
      { vlans: [{ vid: 1, pvid: true, untagged: true }] },
    ],
    [
      "a trunk, whose untagged frames are the default VLAN's",
      { vlanTrunk: [{ minID: 7, maxID: 8 }], preserveDefaultVlan: false },
      { vlans: [{ vid: 1, untagged: true, pvid: true }, { vid: 7 }, { vid: 8 }] },
    ],
    [
      "a trunk with the default VLAN in it",
      { vlanTrunk: [{ minID: 1, maxID: 2 }] },
      { vlans: [{ vid: 1, untagged: true, pvid: true }, { vid: 2 }] },
    ],
    [
      "a trunk whose untagged frames are another VLAN's",
      { vlan: 9, vlanTrunk: [{ id: 7 }, { id: 11 }] },
      { vlans: [{ vid: 7 }, { vid: 9, pvid: true, untagged: true }, { vid: 11 }] },
    ],
    [
      "a trunk that has its VLAN too, tagged, and keeps the default one",
      { vlan: 7, vlanTrunk: [{ id: 7 }], preserveDefaultVlan: true },
      { vlans: [{ vid: 1, untagged: true }, { vid: 7 }] },
    ],
  ];
  test.each(settings)("has %s as configured", (_, input, expected) => {
    expect(pairOf(input)).toMatchObject(expected);
  });

  test("has its addresses without duplicate address detection, unless asked for", () => {
    const inside = (input: Input) =>
      ofKind("address", portObjects(input)).map(({ address, link, dad }) => [link, address, dad]);
    expect(inside({})).toEqual([
      ["eth0", "10.1.0.5/24", false],
      ["eth0", "fd00::5/64", false],
    ]);
    expect(inside({ enabledad: true })).toEqual([
      ["eth0", "10.1.0.5/24", undefined],
      ["eth0", "fd00::5/64", undefined],
    ]);
    expect(sysctlsOf(portObjects({}))).toContain("net/ipv6/conf/eth0/accept_dad=0");
    expect(sysctlsOf(portObjects({ enabledad: true }))).toContain(
      "net/ipv6/conf/eth0/accept_dad=1",
    );
  });

  test("announces itself in both families", () => {
    const sysctls = sysctlsOf(portObjects({}));
    expect(sysctls).toContain("net/ipv4/conf/eth0/arp_notify=1");
    expect(sysctls).toContain("net/ipv6/conf/eth0/ndisc_notify=1");
  });

  test("as gateway puts shared addresses on the bridge and has the host forward", () => {
    const objects = portObjects({ isGateway: true });
    const gateways = ofKind("address", objects).filter(({ link }) => link === "cni0");
    expect(gateways.map(({ address, life, dad }) => [address, life, dad])).toEqual([
      ["10.1.0.1/24", "shared", false],
      ["fd00::1/64", "shared", false],
    ]);
    const sysctls = sysctlsOf(objects);
    expect(sysctls).toContain("net/ipv4/ip_forward=1");
    expect(sysctls).toContain("net/ipv6/conf/all/forwarding=1");
    expect(sysctls).toContain("net/ipv6/conf/cni0/accept_dad=0");
    expect(sysctlsOf(portObjects({}))).not.toContain("net/ipv4/ip_forward=1");
  });

  test("with IPv4 alone asks for no forwarding of IPv6, and the reverse", () => {
    const [four, six] = plainPort.ips;
    const only = (ip: Port["ips"][number]) =>
      sysctlsOf(portObjects({ isGateway: true }, { ...plainPort, ips: [ip] })).join();
    expect(only(four!)).not.toContain("ipv6/conf/all/forwarding");
    expect(only(six!)).not.toContain("ipv4/ip_forward");
  });

  test("keeps an uplink hearing routers before IPv6 is forwarded", () => {
    const host = { ...plainHost, raUplinks: ["wan0"] };
    const sysctls = sysctlsOf(portObjects({ isGateway: true }, plainPort, host));
    expect(sysctls).toContain("net/ipv6/conf/wan0/accept_ra=2");
  });

  test("as gateway of a VLAN puts them on a leg in that VLAN", () => {
    const input = { isGateway: true, vlan: 5 };
    const objects = portObjects(input);
    const leg = ofKind("link", objects).find(({ life }) => life === "shared");
    expect(leg).toMatchObject({
      master: "cni0",
      vlans: [{ vid: 5, pvid: true, untagged: true }],
      peer: { netns: hostNetns, name: "cni0.5" },
    });
    expect(sysctlsOf(objects)).toContain(`net/ipv6/conf/${leg?.name}/accept_ra=0`);
    const on = ofKind("address", objects).filter(({ life }) => life === "shared");
    expect(on.map(({ link }) => link)).toEqual(["cni0.5", "cni0.5"]);
  });

  test("has the leg in its VLAN as the result's last link, where there is one", () => {
    const names = (input: Input, port: Port = plainPort) => {
      const config = bridge.parse(input);
      return bridge.links(bridge.complete(port, config), config).map(({ name }) => name);
    };
    const own = ["cni0", plainPort.hostLink, "eth0"];
    expect(names({ vlan: 5, isGateway: true })).toEqual([...own, "cni0.5"]);
    expect(names({ vlan: 5 })).toEqual(own);
    expect(names({ isGateway: true })).toEqual(own);
    const bare = { ...plainPort, ips: [] };
    expect(names({ vlan: 5, isGateway: true }, bare)).toEqual(own);
    const shared = portObjects({ vlan: 5, isGateway: true }, bare).filter(
      ({ kind, life }) => kind === "link" && life === "shared",
    );
    expect(shared).toEqual([]);
  });

  test("leads routes without a gateway through its family's", () => {
    const routes = [{ dst: "0.0.0.0/0" }, { dst: "fd77::/48", priority: 7, mtu: 1300, table: 9 }];
    const objects = portObjects({ isGateway: true }, { ...plainPort, routes });
    expect(ofKind("route", objects)).toMatchObject([
      { dst: "0.0.0.0/0", gateway: "10.1.0.1", link: "eth0", netns: "/run/netns/c1" },
      { dst: "fd77::/48", gateway: "fd00::1", priority: 7, mtu: 1300, table: 9 },
    ]);
  });

  test("masquerades by one chain a subnet and one element an address", () => {
    const objects = portObjects({ ipMasq: true });
    expect(
      ofKind("nft-chain", objects).map(({ chain, life, rules }) => [chain, life, rules]),
    ).toEqual([
      [
        "masquerade_10.1.0.0/24",
        "shared",
        ["ip daddr 10.1.0.0/24 return", "ip daddr 224.0.0.0/4 return", "masquerade"],
      ],
      [
        "masquerade_fd00__/64",
        "shared",
        ["ip6 daddr fd00::/64 return", "ip6 daddr ff00::/8 return", "masquerade"],
      ],
    ]);
    expect(ofKind("nft-element", objects).map(({ set, key, data }) => [set, key, data])).toEqual([
      ["masquerade4", [{ ipv4: "10.1.0.5" }], { jump: "masquerade_10.1.0.0/24" }],
      ["masquerade6", [{ ipv6: "fd00::5" }], { jump: "masquerade_fd00__/64" }],
    ]);
  });

  test("guards its hardware address by two elements", () => {
    const elements = ofKind("nft-element", portObjects({ macspoofchk: true }));
    const link = { ifname: plainPort.hostLink };
    expect(elements.map(({ family, set, key }) => [family, set, key])).toEqual([
      ["bridge", "mac_guarded", [link]],
      ["bridge", "mac_allowed", [link, { mac: plainPort.mac }]],
    ]);
  });
});

describe("guards", () => {
  const elements = (input: Input, port = plainPort) =>
    ofKind("nft-element", portObjects(input, port)).map(({ set, key }) => [
      set,
      ...key.map((value) => Object.values(value)[0]),
    ]);
  const port = { ...plainPort, mac: "02:00:00:00:00:02" };
  const link = port.hostLink;

  test("drop routers' advertisements by a rule that is there for all, unless the network has routers", () => {
    expect(ofKind("nft-skeleton", portObjects({}))).toHaveLength(1);
    expect(elements({})).toEqual([]);
    expect(elements({ raGuard: false })).toEqual([["ra_allowed", link]]);
  });

  test("let out the port's own addresses, its link-local one, and those of who has none yet", () => {
    const { mac } = port;
    expect(elements({ ipspoofchk: true }, port)).toEqual([
      ["allowed4", link, mac, "10.1.0.5"],
      ["allowed4", link, mac, "0.0.0.0"],
      ["allowed6", link, mac, "fd00::5"],
      ["allowed6", link, mac, "fe80::ff:fe00:2"],
      ["allowed6", link, mac, "::"],
      ["nd_allowed", link, mac, "fd00::5"],
      ["nd_allowed", link, mac, "fe80::ff:fe00:2"],
      ["ip_guarded", link],
    ]);
  });

  test("of addresses need some", () => {
    expect(() => elements({ ipspoofchk: true }, { ...port, ips: [] })).toThrow(
      'ipspoofchk: needs "ipam"',
    );
  });
});

describe("conflicts", () => {
  const at = (address: string, link = "cni0") =>
    ({ netns: hostNetns, scope: "s", life: "shared", kind: "address", link, address }) as const;
  const want = [at("10.1.0.1/24"), at("fd00::1/64")];
  const conflicts = (input: Input, ...found: string[]) =>
    bridge.conflicts!(
      bridge.parse(input),
      want,
      found.map((address) => at(address)),
    );

  test("are none with the same addresses, other links, and other IPv6 subnets", () => {
    expect(conflicts({}, "10.1.0.1/24", "fd00::1/64", "fd01::1/64")).toEqual([]);
    const other = [at("10.9.0.1/24", "br9")];
    expect(bridge.conflicts!(bridge.parse({}), want, other)).toEqual([]);
  });

  test.each(["10.9.0.1/24", "10.1.0.1/16", "fd00::9/64", "fd00::1/48"])(
    "are refused for %s, and replaced with forceAddress",
    (address) => {
      expect(() => conflicts({}, address)).toThrow(/"cni0" has the address .* "forceAddress"/);
      expect(conflicts({ forceAddress: true }, address)).toEqual([at(address)]);
    },
  );
});

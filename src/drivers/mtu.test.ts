/** Links too small for IPv6 serve IPv4 all the same. */
import { expect, test } from "bun:test";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import type { Port } from "../model/port.ts";
import { bridge } from "./bridge.ts";
import type { Driver, HostFacts } from "./driver.ts";
import { plainHost } from "./driver-fixture.ts";
import { ptp } from "./ptp.ts";

const host = (uplinkMtu: number): HostFacts => ({
  ...plainHost,
  uplinkMtu,
  raUplinks: ["eth9"],
  macOf: () => "02:00:00:00:00:01",
});

const port = (address: string, gateway: string): Port => ({
  id: "0123456789abcdef",
  containerId: "c1",
  ifName: "eth0",
  network: "blue",
  netns: "/run/netns/c1",
  hostLink: "nl0123456789a",
  mac: "02:00:00:00:00:02",
  hostMac: "fe:00:00:00:00:02",
  alias: "netloom:cni:0123456789abcdef",
  ips: [{ address, gateway }],
  routes: [],
});
const v4 = port("10.1.0.5/24", "10.1.0.1");
const v6 = port("fd00::5/64", "fd00::1");

const isIpv6 = (object: KernelObject) => object.kind === "sysctl" && object.path.includes("ipv6");

/** All that a driver wants for a port with this MTU configured. */
function desired(driver: Driver<any>, of: Port, mtu: number, uplinkMtu = 1500): KernelObject[] {
  const config = driver.parse({ isGateway: true, mtu });
  return [
    ...driver.network(config, "blue", host(uplinkMtu)),
    ...driver.port(of, config, host(uplinkMtu)),
  ];
}

const drivers: [string, Driver<any>][] = [
  ["bridge", bridge],
  ["ptp", ptp],
];

test.each(drivers)("%s sets nothing of IPv6 on links with less than 1280 bytes", (_, driver) => {
  expect(desired(driver, v4, 1279).filter(isIpv6)).toEqual([]);
  expect(desired(driver, v4, 0, 1000).filter(isIpv6)).toEqual([]);
  expect(desired(driver, v4, 1280).filter(isIpv6)).not.toEqual([]);
});

test.each(drivers)(
  "%s refuses an IPv6 address on such a link, and says how much it needs",
  (_, driver) => {
    const tooSmall = /^mtu: 1279 is too small for the IPv6 address fd00::5\/64: take 1280 or more/;
    expect(() => desired(driver, v6, 1279)).toThrow(tooSmall);
    expect(() => desired(driver, v6, 0, 1279)).toThrow(tooSmall);
    expect(desired(driver, v6, 1280).some(({ netns }) => netns === hostNetns)).toBe(true);
  },
);

/** Which link a selector means, and what is said where none is or several are. */
import { expect, test } from "bun:test";
import type { HostLink } from "./driver.ts";
import { plainHost, plainPort } from "./driver-fixture.ts";
import { ipvlan } from "./ipvlan.ts";
import { macvlan } from "./macvlan.ts";
import { parentSelector, selectedParent } from "./parent-selector.ts";
import { vlan } from "./vlan.ts";

const link = (name: string, mac: string, more: Partial<HostLink> = {}): HostLink => ({
  ...{ name, mac, addresses: [], isStacked: false, isOurs: false },
  ...more,
});
const links = [
  link("eth0", "02:00:00:00:00:01", { addresses: ["10.0.0.5/24", "fd00::5/64"] }),
  link("eth0.7", "02:00:00:00:00:01", { isStacked: true, addresses: ["10.7.0.5/24"] }),
  link("eth1", "02:00:00:00:00:02", { master: "br0" }),
  link("br0", "02:00:00:00:00:02", { addresses: ["192.168.1.5/24"] }),
  link("nls-1", "02:00:00:00:00:03", { isOurs: true, addresses: ["10.0.0.5/32"] }),
  link("eth2", "02:00:00:00:00:04", { addresses: ["10.9.0.1/24"] }),
  link("tun0", ""),
];
const facts = { ...plainHost, links: () => links, defaultLink: () => "eth2" };
const choose = (selector: object, host = facts) =>
  selectedParent(parentSelector(selector, "parentSelector"), host);

const chosen: [what: string, selector: object, name: string][] = [
  ["by its hardware address, not its VLAN's", { macs: ["02:00:00:00:00:01"] }, "eth0"],
  ["a bridge, not its port", { macs: ["02:00:00:00:00:02"] }, "br0"],
  ["by one of all hosts' addresses", { macs: ["02:00:00:00:00:AA", "02-00-00-00-00-04"] }, "eth2"],
  ["by a subnet, not our own on it", { subnet: "10.0.0.0/24" }, "eth0"],
  ["by a subnet of IPv6", { subnet: "fd00::/48" }, "eth0"],
  ["the link in a VLAN that has the address", { subnet: "10.7.0.0/16" }, "eth0.7"],
  ["by the default route", { defaultRoute: true }, "eth2"],
  ["what is false says nothing", { defaultRoute: false, subnet: "10.9.0.0/24" }, "eth2"],
];
for (const [what, selector, name] of chosen) {
  test(`a link is found: ${what}`, () => expect(choose(selector)).toBe(name));
}

const refused: [what: string, selector: object, says: string][] = [
  ["no way", {}, 'takes one of "macs", "subnet" and "defaultRoute"'],
  ["two ways", { macs: ["02:00:00:00:00:01"], defaultRoute: true }, "takes one of"],
  ["no hardware address", { macs: ["eth0"] }, "parentSelector.macs[0]"],
  ["no subnet", { subnet: "10.0.0.0" }, "parentSelector.subnet"],
  [
    "an address that nobody has",
    { macs: ["02:00:00:00:00:09"] },
    'no link of this host has hardware address 02:00:00:00:00:09. There are: "eth0" with 02:00:00:00:00:01, "eth1" with 02:00:00:00:00:02 (a port of "br0"),',
  ],
  [
    "a subnet that nobody is in",
    { subnet: "172.16.0.0/12" },
    'has an address in 172.16.0.0/12. There are: "eth0" with 10.0.0.5/24 and fd00::5/64,',
  ],
  [
    "a subnet that several are in",
    { subnet: "10.0.0.0/8" },
    'several links of this host have an address in 10.0.0.0/8: "eth0", "eth0.7", "eth2"',
  ],
];
for (const [what, selector, says] of refused) {
  test(`it is refused: ${what}`, () => expect(() => choose(selector)).toThrow(says));
}

test("no default route is told", () => {
  const host = { ...facts, defaultLink: () => undefined };
  expect(() => choose({ defaultRoute: true }, host as never)).toThrow("no default route");
});

for (const driver of [macvlan, ipvlan, vlan]) {
  test(`${driver.networkType} takes a name or a selector, and its containers' parent is that`, () => {
    const own = { parentSelector: { subnet: "10.9.0.0/24" } };
    expect(driver.parse(own)).toMatchObject(own as object);
    for (const beside of [{ master: "eth0" }, { linkInContainer: true }]) {
      expect(() => driver.parse({ ...own, ...beside })).toThrow("parentSelector: ");
    }
    const host = {
      ...facts,
      link: () => ({ index: 7, mac: "02:00:00:00:00:04", mtu: 1500, up: true }),
    };
    const port = { ...plainPort, ips: [{ address: "10.9.0.9/24" }] };
    const [made] = driver.port(port, driver.parse(own) as never, host);
    expect(made).toMatchObject({ kind: "link", parent: { netns: "host", name: "eth2" } });
  });
}

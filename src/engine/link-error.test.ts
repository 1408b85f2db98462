/** What is said of a link that the kernel refuses. */
import { expect, test } from "bun:test";
import type { Tenant } from "../drivers/parent-guard.ts";
import { NetlinkError } from "../kernel/netlink/error.ts";
import type { ChildLink, LoneLink } from "../model/kernel-object.ts";
import { explainLink, type StateOf } from "./link-error.ts";

const alone: StateOf = () => ({ parent: undefined, tenants: [] });

const place = { netns: "/run/netns/c1", scope: "att:1", life: "exclusive", kind: "link" } as const;
const child = (type: ChildLink["type"]): ChildLink => ({
  ...place,
  type,
  name: "eth0",
  up: true,
  parent: { netns: "host", name: "lan" },
  vlan: { id: 7 },
});
const dummy: LoneLink = { ...place, type: "dummy", name: "eth0", up: true };
const ebusy = 16;
const eexist = 17;
const eopnotsupp = 95;

const cases: [ChildLink | LoneLink, number, string, string][] = [
  [
    child("ipvlan"),
    eopnotsupp,
    "NetlinkError",
    "(CONFIG_IPVLAN): load the module (modprobe ipvlan)",
  ],
  [
    child("vlan"),
    eopnotsupp,
    "NetlinkError",
    "(CONFIG_VLAN_8021Q): load the module (modprobe 8021q)",
  ],
  [dummy, eopnotsupp, "NetlinkError", "this kernel has no dummy links"],
  [child("ipvlan"), ebusy, "ConflictError", 'parent "lan" carries links of another type'],
  [child("macvlan"), ebusy, "ConflictError", 'parent "lan" carries links of another type'],
  [child("vlan"), eexist, "ConflictError", 'VLAN 7 of "lan" has a link already'],
];
test.each(cases)("%#: the kernel's errno becomes what to do", (link, errno, name, words) => {
  const error = explainLink(
    [link],
    new NetlinkError(`create ${link.type} link "eth0"`, errno),
    alone,
  );
  expect(error).toMatchObject({ name, message: expect.stringContaining(words) });
});

test("any other error stays as it is", () => {
  for (const [op, errno] of [
    ['create ipvlan link "eth1"', ebusy],
    ['create ipvlan link "eth0"', 22],
    ['create dummy link "eth0"', eexist],
  ] as const) {
    const error = new NetlinkError(op, errno);
    expect(explainLink([child("ipvlan"), dummy], error, alone)).toBe(error);
  }
});

const lan = { index: 7, mac: "02:00:00:00:00:99", mtu: 1500, up: true };
const holder = (link: Partial<ChildLink>): Tenant => ({
  link: { ...child("macvlan"), ...link },
  containerId: "other",
});
const passthru = { macvlan: { mode: "passthru" } } as const;

const held: [string, Partial<ChildLink>, number, ReturnType<StateOf>, string][] = [
  [
    "ipvlan's",
    {},
    ebusy,
    { parent: lan, tenants: [holder({ type: "ipvlan" })] },
    'carries ipvlan links (link "eth0" of container "other"), and the two types never share',
  ],
  [
    "a bridge's",
    {},
    ebusy,
    { parent: { ...lan, master: "br0" }, tenants: [] },
    'is a port of "br0": name "br0" as the parent',
  ],
  ["one other's", {}, 22, { parent: lan, tenants: [holder(passthru)] }, "is held whole by"],
  ["taken", passthru, 22, { parent: lan, tenants: [holder({})] }, 'takes parent "lan" whole'],
  ["no Ethernet", {}, 22, { parent: lan, tenants: [] }, "is no Ethernet link"],
];
test.each(held)("a parent that is %s is said to be", (_, more, errno, state, words) => {
  const link = { ...child("macvlan"), ...more };
  const error = new NetlinkError('create macvlan link "eth0"', errno);
  expect(explainLink([link], error, () => state)).toMatchObject({
    name: "ConflictError",
    message: expect.stringContaining(words),
  });
});

test("a hardware address that the parent has already is told when the link is raised", () => {
  const link = { ...child("macvlan"), mac: "02:00:00:00:00:05" };
  const error = explainLink([link], new NetlinkError("change link 5", 98), alone);
  expect(error).toMatchObject({ message: expect.stringContaining("02:00:00:00:00:05 already") });
});

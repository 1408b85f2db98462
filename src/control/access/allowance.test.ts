/** What tenants' members may name of hosts. */
import { expect, test } from "bun:test";
import type { Allowed } from "../../api/kinds/tenant.ts";
import type { ApiObject } from "../../api/object.ts";
import { refusalOf } from "./allowance.ts";

const object = (kind: string, spec: object) => ({ kind, spec }) as unknown as ApiObject;

/** Kind, spec, what is allowed of it, and what is not enough. */
const cases: [kind: string, spec: object, enough: Allowed, tooLittle: Allowed][] = [
  ["Network", { parent: "eth1" }, { parents: ["eth0", "eth1"] }, { uplinks: ["eth1"] }],
  ["Network", { parent: "eth1" }, { parents: ["eth*"] }, { parents: ["eth"] }],
  ["Network", { vlan: 5 }, { vlans: ["1", "4-6"] }, { vlans: ["6-4000"] }],
  ["Network", { uplink: "eth1" }, { uplinks: ["*"] }, { uplinks: ["eth11", "eth2*"] }],
  ["Network", { takeOver: true }, { takeOver: true }, { takeOver: false }],
  ["Network", { mode: "passthru" }, { takeOver: true }, {}],
  ["Network", { bridge: "br0" }, { bridges: ["br0"] }, { bridges: [] }],
  ["Network", { type: "host" }, { hostNetwork: true }, {}],
  [
    "Network",
    { type: "macvlan", parent: "eth1", hostShim: true, hostShimAddresses: ["10.0.0.9"] },
    { parents: ["eth1"], hostNetwork: true },
    { parents: ["eth1"] },
  ],
  ["Network", { antiSpoofing: false }, { spoofing: true }, {}],
  ["Subnet", { cidr: "10.1.0.0/24" }, { subnets: ["10.1.0.0/16"] }, { subnets: ["10.1.0.0/25"] }],
  ["Subnet", { cidr: "10.1.0.0/24" }, {}, { subnets: [] }],
  ["Port", { device: "eth1" }, { devices: ["eth1"] }, {}],
  ["Port", { tap: { name: "red-1" } }, { taps: ["red-*"] }, { taps: ["blue-*"] }],
  ["Port", { tap: { owner: 0 } }, { tapOwners: ["0"] }, { tapOwners: ["1-4294967294"] }],
  ["Port", { tap: { group: 6 } }, { tapGroups: ["6"] }, { tapOwners: ["6"] }],
  ["Port", { publish: [{ hostPort: 80 }] }, { hostPorts: ["80-90"] }, { hostPorts: ["8", "800"] }],
];
for (const [kind, spec, enough, tooLittle] of cases) {
  const told = (allowed: Allowed) => JSON.stringify(allowed);
  test(`${kind} ${JSON.stringify(spec)}: ${told(enough)} does, ${told(tooLittle)} does not`, () => {
    const next = object(kind, spec);
    expect(refusalOf({ name: "red", allowed: enough }, { next })).toBeUndefined();
    expect(refusalOf({ name: "red", allowed: tooLittle }, { next })).toContain('tenant "red"');
    expect(refusalOf({ name: "red", allowed: tooLittle }, { old: next, next })).toBeUndefined();
  });
}

test("a refusal tells the field, the value, and who can allow it where", () => {
  const next = object("Port", { publish: [{ hostPort: 8080 }, { hostPort: 22 }] });
  const allowed = { hostPorts: ["8080"] };
  expect(refusalOf({ name: "red", allowed }, { next })).toBe(
    'spec.publish[1].hostPort: 22 is not what members of tenant "red" may name: an admin of all ' +
      "tenants can allow it in spec.allowed.hostPorts of the tenant",
  );
});

test("what goes is not asked about", () => {
  expect(
    refusalOf({ name: "red", allowed: undefined }, { old: object("Network", { parent: "a" }) }),
  ).toBeUndefined();
});

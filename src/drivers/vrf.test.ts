/** Which VRF a link gets into, and which are refused. */
import { expect, test } from "bun:test";
import { ConfigError } from "../model/config-error.ts";
import { ofKind, plainHost, plainPort } from "./driver-fixture.ts";
import type { AttachedPort } from "./extra.ts";
import { vrf } from "./vrf.ts";

const link = { index: 2, mac: "02:00:00:00:00:02", mtu: 1500, up: true };
const port: AttachedPort = { ...plainPort, via: {}, link };
const linkRoutes = [
  { dst: "10.1.0.0/24", protocol: 2 },
  { dst: "0.0.0.0/0", gateway: "10.1.0.1" },
];
const host = (vrfs: { name: string; table: number }[] = []) => ({ ...plainHost, vrfs: () => vrfs });
const tableOf = (config: object, vrfs: { name: string; table: number }[] = []) => {
  const parsed = vrf.parse({ vrfname: "blue", ...config })!;
  const [made] = ofKind("link", vrf.objects(port, parsed, host(vrfs)));
  return made?.type === "vrf" ? made.vrf?.table : undefined;
};

test("a new VRF gets the table asked for, or the first that no other has", () => {
  expect(tableOf({ table: 1001 })).toBe(1001);
  expect(tableOf({})).toBe(1);
  expect(tableOf({}, [{ name: "red", table: 1 }])).toBe(2);
});

test("a VRF that exists keeps its table, and is refused with another", () => {
  const blue = [{ name: "blue", table: 7 }];
  expect(tableOf({}, blue)).toBe(7);
  expect(tableOf({ table: 7 }, blue)).toBe(7);
  expect(() => tableOf({ table: 8 }, blue)).toThrow('table: 8 is not that of VRF "blue"');
});

test("a link that is no VRF is not taken for one", () => {
  const parsed = vrf.parse({ vrfname: "lan" })!;
  expect(() => vrf.objects(port, parsed, host())).toThrow(ConfigError);
  expect(() => vrf.objects(port, { vrfname: "eth0", table: 0 }, host())).toThrow("vrfname");
});

test("routes of a link that is only being made are made in the VRF's table", () => {
  const { link: _, ...unmade } = port;
  const parsed = vrf.parse({ vrfname: "blue", table: 9 })!;
  const routes = ofKind("route", vrf.objects({ ...unmade, linkRoutes }, parsed, host()));
  expect(routes.map(({ dst, table, movedFrom }) => [dst, table, movedFrom])).toEqual([
    ["0.0.0.0/0", 9, 254],
  ]);
  expect(ofKind("route", vrf.objects({ ...port, linkRoutes }, parsed, host()))).toEqual([]);
});

test.each([
  [{}, "vrfname: missing"],
  [{ vrfname: "" }, "vrfname:"],
  [{ vrfname: "a/b" }, "vrfname:"],
  [{ vrfname: "b".repeat(16) }, "vrfname:"],
  [{ vrfname: "blue", table: "7" }, "table: must be a whole number"],
  [{ vrfname: "blue", table: -1 }, "table: must be a whole number"],
])("refuses %j", (raw, message) => {
  expect(() => vrf.parse(raw)).toThrow(message);
});

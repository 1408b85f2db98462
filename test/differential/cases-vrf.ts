/** Configurations of vrf, behind the plugin whose link it puts into a VRF. */
import {
  type Case,
  defaultRoutes,
  hostLocal,
  list,
  subnet4,
  subnet6,
  usualBridge,
} from "./case.ts";

type Keys = Readonly<Record<string, unknown>>;

const vrf = (more: Keys = {}): Keys => ({ type: "vrf", vrfname: "blue", ...more });
const inVrf = (more: Keys = {}, top: Keys = {}) => list([usualBridge(), vrf(more)], top);
const far = { dst: "192.0.2.0/24", gw: "10.5.0.7" };

const cases: Omit<Case, "needs">[] = [
  { name: "vrf", list: inVrf(), stepwise: true },
  { name: "vrf with a table", list: inVrf({ table: 1001 }), stepwise: true },
  {
    name: "vrf with routes of its own",
    list: list([
      usualBridge({ ipam: hostLocal([subnet4, subnet6], { routes: [...defaultRoutes, far] }) }),
      vrf(),
    ]),
  },
  {
    name: "vrf without default routes",
    list: list([usualBridge({ ipam: hostLocal([subnet4, subnet6]) }), vrf()]),
  },
  {
    name: "vrf of an IPv6 subnet",
    list: list([usualBridge({ ipam: hostLocal([subnet6], { routes: [{ dst: "::/0" }] }) }), vrf()]),
  },
  { name: "vrf of two containers", list: inVrf(), containers: 2 },
  { name: "vrf when the namespace has gone", list: inVrf(), vanished: true },
  { name: "vrf at 0.3.1", list: inVrf({}, { cniVersion: "0.3.1" }) },
  { name: "vrf at 1.0.0", list: inVrf({}, { cniVersion: "1.0.0" }) },
  { name: "vrf that is named like the link", list: inVrf({ vrfname: "eth0" }), refused: true },
  { name: "vrf without a name", list: inVrf({ vrfname: "" }), refused: true },
  { name: "vrf without an attachment", list: list(vrf()), refused: true },
  {
    name: "netloom against bridge and vrf",
    list: inVrf(),
    ourList: list({
      ...usualBridge(),
      type: "netloom",
      driver: "bridge",
      vrf: { vrfname: "blue" },
    }),
  },
];

export const vrfCases: Case[] = cases.map((item) => ({ ...item, needs: ["vrf"] }));

/** Configurations of sbr, behind the plugin whose routes it moves. */
import {
  bridge,
  type Case,
  defaultRoutes,
  hostLocal,
  list,
  ptp,
  subnet4,
  subnet6,
  usualBridge,
} from "./case.ts";

type Keys = Readonly<Record<string, unknown>>;

const sbr = (more: Keys = {}): Keys => ({ type: "sbr", ...more });
const routed = (ipam: Keys, more: Keys = {}) => list([usualBridge({ ipam }), sbr(more)]);
const dual = hostLocal([subnet4, subnet6], { routes: defaultRoutes });
const far = { dst: "192.0.2.0/24", gw: "10.5.0.7" };

export const sbrCases: Case[] = [
  { name: "sbr", list: routed(dual), stepwise: true, traffic: true },
  { name: "sbr of two containers", list: routed(dual), containers: 2, traffic: true },
  {
    name: "sbr without default routes",
    list: routed(hostLocal([subnet4, subnet6])),
    stepwise: true,
  },
  {
    name: "sbr of an IPv4 subnet",
    list: routed(hostLocal([subnet4], { routes: [{ dst: "0.0.0.0/0" }] })),
  },
  {
    name: "sbr of an IPv6 subnet",
    list: routed(hostLocal([subnet6], { routes: [{ dst: "::/0" }] })),
  },
  {
    name: "sbr of two IPv4 subnets",
    list: list([bridge({ ipam: hostLocal([subnet4, "10.6.0.0/24"], { routes: [far] }) }), sbr()]),
  },
  {
    name: "sbr with a route of its own",
    list: routed(hostLocal([subnet4, subnet6], { routes: [...defaultRoutes, far] })),
  },
  {
    name: "sbr with a route without gateway",
    list: routed(hostLocal([subnet4], { routes: [{ dst: "192.0.2.0/24" }] })),
  },
  {
    name: "sbr with a route of a priority",
    list: routed(hostLocal([subnet4], { routes: [{ ...far, priority: 50 }] })),
  },
  { name: "sbr with a table of the user's", list: routed(dual, { table: 500 }), stepwise: true },
  { name: "sbr behind ptp", list: list([ptp({ ipam: dual }), sbr()]), stepwise: true },
  {
    name: "sbr without a gateway",
    list: list([
      {
        type: "bridge",
        bridge: "br0",
        ipam: { type: "static", addresses: [{ address: "10.5.0.9/24" }] },
      },
      sbr(),
    ]),
  },
  { name: "sbr when the namespace has gone", list: routed(dual), vanished: true },
  ...["0.3.1", "0.4.0", "1.0.0"].map((cniVersion): Case => {
    return {
      name: `sbr at ${cniVersion}`,
      list: list([usualBridge({ ipam: dual }), sbr()], { cniVersion }),
    };
  }),
  { name: "sbr without an attachment", list: list(sbr()), refused: true },
  {
    name: "sbr without addresses",
    list: list([{ type: "bridge", bridge: "br0" }, sbr()]),
    refused: true,
  },
  { name: "sbr with a table that is text", list: routed(dual, { table: "500" }), refused: true },
  {
    name: "netloom against bridge and sbr",
    list: routed(dual),
    ourList: list({ ...usualBridge({ ipam: dual }), type: "netloom", driver: "bridge", sbr: {} }),
    traffic: true,
  },
];

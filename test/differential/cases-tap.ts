/** Configurations of tap. */
import { type Case, defaultRoutes, hostLocal, list, subnet4, subnet6 } from "./case.ts";

type Keys = Readonly<Record<string, unknown>>;

const mac = "02:11:22:33:44:55";
const tap = (more: Keys = {}): Keys => ({ type: "tap", ...more });
const dual = hostLocal([subnet4, subnet6], { routes: defaultRoutes });
const withBridge = "ip link add br0 type bridge; ip link set br0 up";

export const tapCases: readonly Case[] = [
  { name: "tap of nobody", list: list(tap()) },
  { name: "tap at 0.2.0", list: list(tap({ ipam: hostLocal() }), { cniVersion: "0.2.0" }) },
  { name: "tap at 0.4.0", list: list(tap(), { cniVersion: "0.4.0" }) },
  { name: "tap at 1.0.0", list: list(tap(), { cniVersion: "1.0.0" }) },
  { name: "tap of a user", list: list(tap({ owner: 54321 })) },
  { name: "tap of root", list: list(tap({ owner: 0 })) },
  { name: "tap of a group", list: list(tap({ group: 54322 })) },
  { name: "tap of a user and a group", list: list(tap({ owner: 54321, group: 54322 })) },
  { name: "tap with queues", list: list(tap({ multiQueue: true })) },
  {
    name: "tap with queues of a user and a group",
    list: list(tap({ multiQueue: true, owner: 54321, group: 54322 })),
  },
  { name: "tap with a MAC", list: list(tap({ mac })) },
  {
    name: "tap with a MAC by the runtime",
    list: list(tap({ mac, runtimeConfig: { mac: "02:11:22:33:44:66" } })),
  },
  { name: "tap with a MAC in CNI_ARGS", list: list(tap()), cniArgs: `IgnoreUnknown=1;MAC=${mac}` },
  {
    name: "tap with a MAC of a user and a group",
    list: list(tap({ mac, owner: 54321, group: 54322 })),
  },
  { name: "tap with an MTU", list: list(tap({ mtu: 9000 })) },
  {
    name: "tap in a bridge of the container",
    list: list(tap({ bridge: "br0" })),
    inContainer: withBridge,
  },
  {
    name: "tap in a bridge of the container, with addresses",
    list: list(tap({ bridge: "br0", ipam: dual, owner: 0 })),
    inContainer: withBridge,
  },
  { name: "tap in a bridge that is not there", list: list(tap({ bridge: "br0" })), refused: true },
  { name: "tap with addresses", list: list(tap({ ipam: dual })), containers: 2 },
  {
    name: "tap with a static address",
    list: list(tap({ ipam: { type: "static", addresses: [{ address: "10.5.0.7/32" }] } })),
  },
  {
    name: "tap by type netloom",
    list: list(tap({ owner: 54321, ipam: dual })),
    ourList: list({ type: "netloom", driver: "tap", owner: 54321, ipam: dual }),
  },
  { name: "tap under another name", list: list(tap()), ifName: "tap0" },
  { name: "tap whose namespace has gone", list: list(tap({ ipam: dual })), vanished: true },
  {
    name: "tap whose resolver is configured",
    list: list(tap({ dns: { nameservers: ["192.0.2.53"] } })),
  },
];

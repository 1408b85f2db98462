/** Configurations of bandwidth, behind bridge and ptp. */
import { bridge, type Case, hostLocal, list, ptp, subnet4, subnet6, usualBridge } from "./case.ts";

type Keys = Readonly<Record<string, unknown>>;

const ingress = { ingressRate: 20_000_000, ingressBurst: 800_000 };
const egress = { egressRate: 10_000_000, egressBurst: 400_000 };
const both = { ...ingress, ...egress };
const none = { ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 };

const limited = (limits: Keys, link: Keys = bridge()) =>
  list([link, { type: "bandwidth", ...limits }]);

/** The same for our side in one plugin. */
const inOneRun = (limits: Keys, { type, ...link }: Keys = bridge()) =>
  list({ type: "netloom", driver: type, ...link, bandwidth: limits });

const ofRuntime = (limits: unknown) => ({
  capabilities: { bandwidth: true },
  runtimeConfig: { bandwidth: limits },
});

export const bandwidthCases: readonly Case[] = [
  { name: "limits of both directions", list: limited(both), containers: 2 },
  { name: "a limit towards the container", list: limited(ingress) },
  { name: "a limit from the container", list: limited(egress) },
  {
    name: "limits on a usual bridge, with traffic",
    list: limited(both, usualBridge()),
    traffic: true,
  },
  { name: "limits behind ptp", list: limited(both, ptp()) },
  { name: "limits in one run", list: limited(both), ourList: inOneRun(both), containers: 2 },
  {
    name: "limits behind ptp in one run",
    list: limited(both, ptp()),
    ourList: inOneRun(both, ptp()),
  },
  { name: "limits that are zero", list: limited(none) },
  { name: "no limits at all", list: limited({}) },
  { name: "limits that are null", list: limited({ ingressRate: null, ingressBurst: null }) },
  { name: "limits of the runtime", list: limited(ofRuntime(both)) },
  { name: "limits of the runtime that are null", list: limited(ofRuntime(null)) },
  {
    name: "limits of the runtime in one run",
    list: limited(ofRuntime(both)),
    ourList: list({ ...bridge(), type: "netloom", driver: "bridge", ...ofRuntime(both) }),
  },
  {
    name: "limits of the configuration and the runtime",
    list: limited({ ...ingress, ...ofRuntime(egress) }),
  },
  {
    name: "a zero in the configuration beside limits of the runtime",
    list: limited({ egressRate: 0, ...ofRuntime(both) }),
  },
  {
    name: "a limit with other cases of letters",
    list: limited({ INGRESSRATE: 8_000_000, ingressburst: 800_000 }),
  },
  { name: "a limit of one byte a second", list: limited({ ingressRate: 8, ingressBurst: 8 }) },
  {
    name: "a limit beyond 32 bits",
    list: limited({ ingressRate: 40_000_000_000, ingressBurst: 400_000_000 }),
  },
  { name: "limits with an mtu", list: limited(both, bridge({ mtu: 1400 })) },
  {
    name: "limits with both families",
    list: limited(both, bridge({ ipam: hostLocal([subnet4, subnet6]) })),
  },
  ...["0.3.0", "0.3.1", "0.4.0", "1.0.0"].map((version): Case => {
    const { plugins } = limited(both);
    return { name: `limits at ${version}`, list: list(plugins, { cniVersion: version }) };
  }),
  { name: "limits when the namespace has gone", list: limited(both), vanished: true },
  { name: "a rate without burst", list: limited({ ingressRate: 8_000_000 }), refused: true },
  { name: "a burst without rate", list: limited({ egressBurst: 8_000_000 }), refused: true },
  {
    name: "a burst of 4 GiB",
    list: limited({ ingressRate: 8e9, ingressBurst: 34_359_738_360 }),
    refused: true,
  },
  {
    name: "a rate of less than a byte",
    list: limited({ ingressRate: 7, ingressBurst: 8000 }),
    refused: true,
  },
  {
    name: "a negative rate",
    list: limited({ ingressRate: -8, ingressBurst: 8000 }),
    refused: true,
  },
  {
    name: "a rate as text",
    list: limited({ ingressRate: "8M", ingressBurst: 8000 }),
    refused: true,
  },
  {
    name: "limits without a link before",
    list: list({ type: "bandwidth", ...both }),
    refused: true,
  },
];

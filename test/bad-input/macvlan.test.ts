/** Bad input: macvlan, its guards and its shim. */
import { type BadCall, examine, type Stage } from "./exam.ts";

const macvlan = (stage: Stage, more: Readonly<Record<string, unknown>> = {}) => ({
  cniVersion: "1.0.0",
  name: "bad",
  type: "macvlan",
  master: "uplink",
  ipam: stage.hostLocal(),
  ...more,
});

const withField = (
  name: string,
  more: Readonly<Record<string, unknown>>,
  says: readonly string[],
  code = 7,
): BadCall => ({ name, type: "macvlan", config: (stage) => macvlan(stage, more), code, says });

examine("macvlan", [
  withField("an unknown mode", { mode: "bridged" }, ["mode: must be one of", 'not "bridged"']),
  withField("a mode as a number", { mode: 4 }, ["mode: must be one of", "not 4"]),
  withField("a parent that isn't there", { master: "nil" }, [
    'master: there is no link "nil" on this host: name one that exists',
  ]),
  withField("a parent's name that no link can have", { master: "../up" }, ["master:", "../up"]),
  withField("two parents", { parent: "lo" }, ['"lo"', '"uplink"', "leave one of them out"]),
  withField("the loopback as the parent", { master: "lo" }, ["no Ethernet link"], 102),
  withField("a parent in the container that isn't there", { linkInContainer: true }, [
    'there is no link "uplink" in the container\'s namespace',
  ]),
  withField("an MTU beyond the parent's", { mtu: 1501 }, [
    'mtu: 1501 is more than the 1500 of the parent "uplink"',
  ]),
  withField("an MTU too small for any link", { mtu: 60 }, ["mtu: must be 0, or 68 or more"]),
  withField("a queue below zero", { bcqueuelen: -1 }, ["bcqueuelen: must be a whole number"]),
  withField("a queue as text", { bcqueuelen: "1000" }, ["bcqueuelen:", 'not "1000"']),
  withField("a group's hardware address", { mac: "01:00:5e:00:00:01" }, [
    "mac: must be a unicast hardware address",
  ]),
  withField("a short hardware address of the runtime", { runtimeConfig: { mac: "02:00" } }, [
    "runtimeConfig.mac:",
  ]),
  withField("source mode that lets nobody in", { mode: "source" }, ["allowedMacs: is empty"]),
  withField("addresses to let in, in another mode", { allowedMacs: ["02:00:00:00:00:01"] }, [
    'allowedMacs: does not go with mode "bridge": set "mode": "source"',
  ]),
  withField("an address to let in that is none", { mode: "source", allowedMacs: ["all"] }, [
    "allowedMacs[0]: must be a unicast hardware address",
  ]),
  withField("no hardware addresses at all", { maxMacs: 0 }, ["maxMacs: must be a whole number"]),
  withField("a shim in private mode", { mode: "private", hostShim: true }, [
    'hostShim: does not go with mode "private"',
    'take "mode": "bridge"',
  ]),
  withField(
    "a shim whose families are not the container's",
    {
      hostShim: true,
      hostShimAddresses: ["fd81::1"],
    },
    ["hostShim: needs an address on each side", "hostShimAddresses"],
  ),
  withField("addresses of a shim that is not asked for", { hostShimAddresses: ["10.81.0.1"] }, [
    "hostShimAddresses: goes with",
  ]),
  withField("a guard of addresses without any", { ipspoofchk: true, ipam: {} }, [
    'ipspoofchk: needs "ipam"',
  ]),
  withField("a guard as text", { raGuard: "on" }, ["raGuard: must be true or false"]),
  withField("routers as a number", { acceptRa: 2 }, ["acceptRa: must be true or false, not 2"]),
]);

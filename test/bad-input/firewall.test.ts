/** Bad input: the firewall, chained and in one run. */
import { type BadCall, examine } from "./exam.ts";

type Keys = Readonly<Record<string, unknown>>;

const prevResult = {
  cniVersion: "1.0.0",
  interfaces: [{ name: "eth0", sandbox: "/var/run/netns/nowhere" }],
  ips: [{ address: "10.81.0.10/24", interface: 0 }],
};

const wrong = (name: string, options: Keys, says: readonly string[]): BadCall => ({
  name,
  config: { cniVersion: "1.0.0", name: "good", type: "firewall", prevResult, ...options },
  code: 7,
  says,
});

examine("firewall", [
  wrong("a policy that is none", { ingressPolicy: "closed" }, [
    'ingressPolicy: must be one of "open", "same-bridge", "isolated", not "closed"',
  ]),
  wrong("a policy as a list", { ingressPolicy: ["open"] }, ["ingressPolicy: must be one of"]),
  wrong("a backend as a number", { backend: 7 }, ["backend: must be a string, not 7"]),
  wrong("a zone as an object", { firewalldZone: {} }, ["firewalldZone: must be a string"]),
  wrong("a chain's name as a number", { iptablesAdminChainName: 7 }, [
    "iptablesAdminChainName: must be a string, not 7",
  ]),
  wrong("a chain's name with a line's end", { iptablesAdminChainName: "a\nflush ruleset" }, [
    "iptablesAdminChainName:",
    "without spaces",
  ]),
  wrong("a chain's name that is too long", { iptablesAdminChainName: "x".repeat(29) }, [
    "iptablesAdminChainName:",
    "1 to 28 bytes",
  ]),
  wrong("a chain's name that is a target", { iptablesAdminChainName: "ACCEPT" }, [
    'iptablesAdminChainName: "ACCEPT" is no name for a chain',
  ]),
  wrong("isolation of a container without a link on the host", { ingressPolicy: "isolated" }, [
    'ingressPolicy: "isolated" is about traffic through the host, and "eth0" has no link there',
    '"bridge" or "ptp"',
  ]),
  wrong("to be the first of a chain", { prevResult: undefined }, [
    'prevResult: missing: "firewall" adds to another plugin\'s attachment',
  ]),
]);

const inOneRun = (firewall: unknown) => (stage: { bridge(): Keys }) => ({
  ...stage.bridge(),
  type: "netloom",
  driver: "bridge",
  firewall,
});

examine("firewall in one run", [
  {
    name: "a misspelt option",
    config: inOneRun({ ingresPolicy: "isolated" }),
    code: 7,
    says: ["firewall.ingresPolicy: is no option", '"ingressPolicy"'],
  },
  {
    name: "a policy that is none",
    config: inOneRun({ ingressPolicy: "isolate" }),
    code: 7,
    says: ["firewall.ingressPolicy: must be one of", 'not "isolate"'],
  },
  {
    name: "a misspelt plugin's name",
    config: (stage) => ({
      ...stage.bridge(),
      type: "netloom",
      driver: "bridge",
      firewal: { ingressPolicy: "isolated" },
    }),
    code: 7,
    says: ["firewal: is no option", 'is "firewall" meant?'],
  },
  {
    name: "an option beside the driver",
    config: (stage) => ({
      ...stage.bridge(),
      type: "netloom",
      driver: "bridge",
      ingressPolicy: "isolated",
    }),
    code: 7,
    says: ['ingressPolicy: belongs under its plugin\'s name: "firewall"'],
  },
  {
    name: "a policy on a link that can't have it",
    config: (stage) => ({
      ...stage.bridge(),
      bridge: undefined,
      type: "netloom",
      driver: "tap",
      firewall: { ingressPolicy: "isolated" },
    }),
    code: 7,
    says: ["firewall.ingressPolicy: "],
  },
]);

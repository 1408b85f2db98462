/** Bad input: limits of bandwidth, chained and in one run. */
import { type BadCall, examine } from "./exam.ts";

type Keys = Readonly<Record<string, unknown>>;

const prevResult = {
  cniVersion: "1.0.0",
  interfaces: [{ name: "eth0", sandbox: "/var/run/netns/nowhere" }],
  ips: [{ address: "10.81.0.10/24", interface: 0 }],
};

const chained = (options: Keys): Keys => ({
  cniVersion: "1.0.0",
  name: "good",
  type: "bandwidth",
  prevResult,
  ...options,
});

const wrong = (name: string, options: Keys, says: readonly string[]): BadCall => ({
  name,
  config: chained(options),
  code: 7,
  says,
});

examine("bandwidth", [
  wrong("a rate without burst", { ingressRate: 8000 }, [
    'ingressBurst: must be set where "ingressRate" is',
  ]),
  wrong("a burst without rate", { egressBurst: 8000 }, [
    'egressRate: must be set where "egressBurst" is: bits a second, as 20000000',
  ]),
  wrong("a rate below zero", { ingressRate: -1, ingressBurst: 8000 }, ["ingressRate:", "not -1"]),
  wrong("a rate as text", { ingressRate: "20M", ingressBurst: 8000 }, ["ingressRate:", '"20M"']),
  wrong("a rate with a fraction", { ingressRate: 8000.5, ingressBurst: 8000 }, [
    "ingressRate: must be a whole number",
  ]),
  wrong("a rate of less than a byte", { ingressRate: 7, ingressBurst: 8000 }, [
    "ingressRate: must be at least 8 bits, not 7: the kernel counts bytes",
  ]),
  wrong("a burst of less than a byte", { egressRate: 8000, egressBurst: 7 }, [
    "egressBurst: must be at least 8 bits, not 7",
  ]),
  wrong("a burst of 4 GiB", { egressRate: 8e9, egressBurst: 34359738360 }, [
    "egressBurst: must be less than 34359738360 bits (4 GiB)",
  ]),
  wrong("a number that JSON can't hold", { ingressRate: 1e19, ingressBurst: 8000 }, [
    "ingressRate:",
    "9007199254740991",
  ]),
  wrong(
    "the runtime's rate without burst",
    { runtimeConfig: { bandwidth: { egressRate: 8000 } } },
    ["runtimeConfig.bandwidth.egressBurst: must be set"],
  ),
  wrong("the runtime's limits as text", { runtimeConfig: { bandwidth: "20M" } }, [
    'runtimeConfig.bandwidth: must be an object, not "20M"',
  ]),
  wrong(
    "a subnet without length",
    { ingressRate: 8000, ingressBurst: 8000, shapedSubnets: ["10.0.0.1"] },
    ["shapedSubnets[0]:", '"10.0.0.1"'],
  ),
  wrong("subnets as text", { unshapedSubnets: "10.0.0.0/8" }, ["unshapedSubnets: must be a list"]),
  wrong(
    "both lists of subnets",
    {
      ...{ ingressRate: 8000, ingressBurst: 8000 },
      ...{ shapedSubnets: ["10.0.0.0/8"], unshapedSubnets: ["fd00::/8"] },
    },
    ['unshapedSubnets: cannot stand beside "shapedSubnets"', "keep the one"],
  ),
  wrong("a container without a link on the host", { ingressRate: 8000, ingressBurst: 8000 }, [
    '"bandwidth" needs the host\'s end of a veth pair',
    '"bridge" or "ptp"',
  ]),
  {
    name: "to be the first of a chain",
    config: chained({ ingressRate: 8000, ingressBurst: 8000, prevResult: undefined }),
    code: 7,
    says: ['prevResult: missing: "bandwidth" adds to another plugin\'s attachment'],
  },
]);

const inOneRun = (bandwidth: unknown) => (stage: { bridge(): Keys }) => ({
  ...stage.bridge(),
  type: "netloom",
  driver: "bridge",
  bandwidth,
});

examine("bandwidth in one run", [
  {
    name: "a misspelt option",
    config: inOneRun({ ingresRate: 8000 }),
    code: 7,
    says: ["bandwidth.ingresRate: is no option", '"ingressRate"'],
  },
  {
    name: "a rate without burst",
    config: inOneRun({ ingressRate: 8000 }),
    code: 7,
    says: ["bandwidth.ingressBurst: must be set"],
  },
  {
    name: "limits as a list",
    config: inOneRun([8000]),
    code: 7,
    says: ["bandwidth: must be an object"],
  },
]);

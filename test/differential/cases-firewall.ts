/** Configurations of firewall, behind bridge and ptp; `test/firewall` compares flows at length. */
import { bridge, type Case, list, portmap, ptp, usualBridge } from "./case.ts";

type Keys = Readonly<Record<string, unknown>>;

const guarded = (options: Keys, link: Keys = bridge()) =>
  list([link, { type: "firewall", ...options }]);

/** The same for our side in one plugin. */
const inOneRun = (options: Keys, { type, ...link }: Keys = bridge()) =>
  list({ type: "netloom", driver: type, ...link, firewall: options });

const port = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const dropping = { prepare: "iptables -P FORWARD DROP; ip6tables -P FORWARD DROP" };

const policies = ["open", "same-bridge", "isolated"].flatMap((ingressPolicy): Case[] => [
  {
    name: `ingress policy ${ingressPolicy}`,
    list: guarded({ ingressPolicy }, usualBridge()),
    containers: 2,
    traffic: true,
  },
  {
    name: `ingress policy ${ingressPolicy} in one run`,
    list: guarded({ ingressPolicy }, usualBridge()),
    ourList: inOneRun({ ingressPolicy }, usualBridge()),
    containers: 2,
    traffic: true,
  },
  {
    name: `ingress policy ${ingressPolicy} behind ptp`,
    list: guarded({ ingressPolicy }, ptp()),
    containers: 2,
    traffic: true,
  },
]);

export const firewallCases: readonly Case[] = [
  ...policies,
  { name: "a firewall without options", list: guarded({}) },
  { name: "an empty ingress policy", list: guarded({ ingressPolicy: "" }) },
  { name: "an ingress policy that is null", list: guarded({ ingressPolicy: null }) },
  { name: "a firewall of backend iptables", list: guarded({ backend: "iptables" }) },
  { name: "a firewall of a backend that is none", list: guarded({ backend: "nope" }) },
  {
    name: "a firewall with a zone",
    list: guarded({ backend: "iptables", firewalldZone: "office" }),
  },
  { name: "a chain of the administrator's", list: guarded({ iptablesAdminChainName: "OFFICE" }) },
  {
    name: "a firewall behind published ports",
    list: list([
      usualBridge(),
      portmap([port]),
      { type: "firewall", ingressPolicy: "same-bridge" },
    ]),
    traffic: true,
  },
  {
    name: "a firewall on a host that forwards nothing of others",
    list: guarded({}, usualBridge()),
    host: dropping,
    traffic: true,
  },
  {
    name: "a firewall on a bridge that is no gateway, where nothing is forwarded",
    list: guarded({}, bridge()),
    host: dropping,
  },
  ...["0.4.0", "1.0.0"].map((version): Case => {
    const { plugins } = guarded({ ingressPolicy: "same-bridge" });
    return { name: `a firewall at ${version}`, list: list(plugins, { cniVersion: version }) };
  }),
  {
    name: "a firewall when the namespace has gone",
    list: guarded({ ingressPolicy: "isolated" }),
    vanished: true,
  },
  {
    name: "an ingress policy that is none",
    list: guarded({ ingressPolicy: "closed" }),
    refused: true,
  },
  {
    name: "an ingress policy as a number",
    list: guarded({ ingressPolicy: 1 }),
    refused: true,
  },
  { name: "a zone as a number", list: guarded({ firewalldZone: 7 }), refused: true },
  {
    name: "a chain's name with a space",
    list: guarded({ iptablesAdminChainName: "of fice" }),
    refused: true,
  },
  {
    name: "a chain's name of 29 letters",
    list: guarded({ iptablesAdminChainName: "X".repeat(29) }),
    refused: true,
  },
  { name: "a firewall without a link before", list: list({ type: "firewall" }), refused: true },
];

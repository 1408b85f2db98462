/** Configurations of tuning, behind the plugin whose link it changes. */
import {
  type Case,
  defaultRoutes,
  hostLocal,
  list,
  portmap,
  ptp,
  subnet4,
  subnet6,
  usualBridge,
} from "./case.ts";

type Keys = Readonly<Record<string, unknown>>;

const mac = "02:11:22:33:44:55";
const otherMac = "02:11:22:33:44:66";
const thirdMac = "02:11:22:33:44:77";

/** In a folder of its own: the reference names its files by container, and cases run at once. */
const tuning = (more: Keys): Keys => ({ type: "tuning", dataDir: "$DIR/tuning", ...more });
const tuned = (more: Keys, top: Keys = {}) => list([usualBridge(), tuning(more)], top);
const everything = { mac, mtu: 1400, promisc: true, allmulti: true, txQLen: 77 };
const sysctl = { "net.ipv4.conf.IFNAME.arp_filter": "1", "net.core.somaxconn": "77" };

const settings: Case[] = [
  { name: "tuning of nothing", list: tuned({}), stepwise: true },
  // One container: two of one MAC on one bridge take each other's packets.
  { name: "tuning of the MAC", list: tuned({ mac }), stepwise: true, traffic: true },
  { name: "tuning of the MAC written with dashes", list: tuned({ mac: mac.replaceAll(":", "-") }) },
  { name: "tuning of the MTU", list: tuned({ mtu: 1400 }), stepwise: true, traffic: true },
  { name: "tuning of an MTU too small for IPv6", list: tuned({ mtu: 1000 }) },
  { name: "tuning of promiscuous mode", list: tuned({ promisc: true }), stepwise: true },
  { name: "tuning of promiscuous mode off", list: tuned({ promisc: false }), stepwise: true },
  { name: "tuning of allmulti", list: tuned({ allmulti: true }), stepwise: true },
  { name: "tuning of allmulti off", list: tuned({ allmulti: false }), stepwise: true },
  { name: "tuning of the transmit queue", list: tuned({ txQLen: 77 }), stepwise: true },
  { name: "tuning of everything", list: tuned({ ...everything, sysctl }), stepwise: true },
  {
    name: "tuning of a link of ptp",
    list: list([
      ptp({ ipam: hostLocal([subnet4, subnet6], { routes: defaultRoutes }) }),
      tuning(everything),
    ]),
    traffic: true,
  },
  {
    name: "tuning when the namespace has gone",
    list: tuned({ ...everything, sysctl }),
    vanished: true,
  },
];

const sysctls: Case[] = [
  {
    name: "sysctl of the container's link",
    list: tuned({ sysctl: { "net.ipv4.conf.eth0.log_martians": "1" } }),
  },
  { name: "sysctl of IFNAME", list: tuned({ sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1" } }) },
  {
    name: "sysctl with slashes",
    list: tuned({ sysctl: { "net/ipv4/conf/all/log_martians": "1" } }),
  },
  {
    name: "sysctl of two numbers",
    list: tuned({ sysctl: { "net.ipv4.ping_group_range": "0\t1000" } }),
  },
  { name: "sysctl of an empty value", list: tuned({ sysctl: { "net.core.somaxconn": "" } }) },
];

const wishes: Case[] = [
  {
    name: "tuning by the runtime's MAC",
    list: tuned({ mac, capabilities: { mac: true }, runtimeConfig: { mac: otherMac } }),
  },
  {
    name: "tuning by args.cni before all",
    list: tuned({
      ...everything,
      runtimeConfig: { mac: otherMac },
      args: { cni: { mac: thirdMac, mtu: 1300, promisc: false, allmulti: false, txQLen: 55 } },
    }),
  },
  {
    name: "sysctls by args.cni",
    list: tuned({ sysctl, args: { cni: { sysctl: { "net.core.somaxconn": "99" } } } }),
  },
  {
    name: "tuning by the MAC of CNI_ARGS",
    list: list([usualBridge(), tuning({ mac })]),
    cniArgs: `IgnoreUnknown=1;MAC=${otherMac}`,
  },
];

const versioned = ["0.1.0", "0.3.1", "0.4.0", "1.0.0"].map((version): Case => {
  return { name: `tuning at ${version}`, list: tuned({ mac, mtu: 1400 }, { cniVersion: version }) };
});

const refused: Case[] = [
  { name: "tuning without an attachment", list: list(tuning({ mac })), refused: true },
  {
    name: "sysctl of the machine",
    list: tuned({ sysctl: { "kernel.hostname": "x" } }),
    refused: true,
  },
  {
    name: "sysctl that is none",
    list: tuned({ sysctl: { "net.ipv4.nothing": "1" } }),
    refused: true,
  },
  {
    name: "sysctl of a value that is none",
    list: tuned({ sysctl: { "net.core.somaxconn": "x" } }),
    refused: true,
  },
  {
    name: "sysctl as a number",
    list: tuned({ sysctl: { "net.core.somaxconn": 5 } }),
    refused: true,
  },
  { name: "tuning of a group's MAC", list: tuned({ mac: "01:00:5e:00:00:01" }), refused: true },
  { name: "tuning of an MTU out of range", list: tuned({ mtu: 70000 }), refused: true },
];

const limits = { ingressRate: 8e7, ingressBurst: 8e6, egressRate: 8e7, egressBurst: 8e6 };

const chains: Case[] = [
  {
    name: "netloom against bridge, portmap and tuning",
    list: list([
      usualBridge(),
      portmap([{ hostPort: 8080, containerPort: 80, protocol: "tcp" }]),
      tuning({ ...everything, sysctl }),
    ]),
    ourList: list({
      ...usualBridge(),
      type: "netloom",
      driver: "bridge",
      ...{ capabilities: { portMappings: true } },
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
      tuning: { ...everything, sysctl },
    }),
    containers: 1,
    traffic: true,
  },
  {
    name: "netloom against bridge, portmap, firewall, bandwidth and tuning",
    list: list([
      usualBridge(),
      portmap([{ hostPort: 8080, containerPort: 80, protocol: "tcp" }]),
      { type: "firewall" },
      { type: "bandwidth", ...limits },
      tuning({ ...everything, sysctl }),
    ]),
    ourList: list({
      ...usualBridge(),
      type: "netloom",
      driver: "bridge",
      ...{ capabilities: { portMappings: true } },
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
      ...{ firewall: {}, bandwidth: limits, tuning: { ...everything, sysctl } },
    }),
    traffic: true,
  },
];

export const tuningCases: Case[] = [
  ...settings,
  ...sysctls,
  ...wishes,
  ...versioned,
  ...refused,
  ...chains,
];

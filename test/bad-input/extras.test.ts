/** Bad input: what is added to attachments, chained and as options of `netloom`. */
import { type BadCall, examine, type Stage } from "./exam.ts";

type Keys = Readonly<Record<string, unknown>>;

/** A chained plugin behind an attachment that has a link of that name and no more. */
const chained = (name: string, more: Keys, says: readonly string[], code = 7): BadCall => ({
  name,
  config: ({ free }: Stage) => ({
    ...{ cniVersion: "1.0.0", name: "good" },
    prevResult: {
      cniVersion: "1.0.0",
      interfaces: [{ name: "eth0", sandbox: `/var/run/netns/${free}` }],
      ips: [{ address: "10.81.0.11/24", interface: 0 }],
    },
    ...more,
  }),
  code,
  says,
});

const tuning = (name: string, more: Keys, says: readonly string[], code = 7): BadCall =>
  chained(name, { type: "tuning", ...more }, says, code);

const twice = `{"cniVersion": "1.0.0", "name": "good", "type": "tuning",
  "sysctl": {"net.core.somaxconn": "1", "net.core.somaxconn": "2"}}`;

examine("tuning", [
  tuning("to be first", { mac: "02:11:22:33:44:55", prevResult: null }, [
    "prevResult: missing",
    '"tuning"',
  ]),
  tuning("a sysctl of the machine", { sysctl: { "kernel.hostname": "x" } }, [
    'sysctl["kernel.hostname"]',
    'begin with "net."',
  ]),
  tuning("a sysctl that leads elsewhere", { sysctl: { "net/../kernel/hostname": "x" } }, [
    'sysctl["net/../kernel/hostname"]',
  ]),
  tuning(
    "a sysctl that is none",
    { sysctl: { "net.ipv4.nothing": "1" } },
    ["net/ipv4/nothing", "no such setting"],
    100,
  ),
  tuning(
    "a sysctl's value that is none",
    { sysctl: { "net.core.somaxconn": "x" } },
    ["net/core/somaxconn", '"x"'],
    100,
  ),
  tuning("a sysctl as a number", { sysctl: { "net.core.somaxconn": 1 } }, [
    "sysctl.net.core.somaxconn: must be a string",
  ]),
  tuning("sysctls as a list", { sysctl: ["net.core.somaxconn"] }, ["sysctl: must be an object"]),
  {
    name: "a sysctl that is given twice",
    type: "tuning",
    config: twice,
    code: 7,
    says: ['sysctl["net.core.somaxconn"]', "twice"],
  },
  tuning("a short MAC", { mac: "02:11:22" }, ["mac: must be a unicast hardware address"]),
  tuning("a group's MAC", { runtimeConfig: { mac: "01:00:5e:00:00:01" } }, ["runtimeConfig.mac"]),
  tuning("an MTU as text", { mtu: "1400" }, ["mtu: must be a whole number"]),
  tuning("a queue below zero", { txQLen: -1 }, ["txQLen: must be a whole number"]),
  tuning("allmulti as text", { allmulti: "on" }, ["allmulti: must be true or false"]),
  tuning("args.cni that is wrong", { args: { cni: { promisc: 1 } } }, [
    "args.cni.promisc: must be true or false",
  ]),
]);

const sbr = (name: string, more: Keys, says: readonly string[], code = 7): BadCall =>
  chained(name, { type: "sbr", ...more }, says, code);

examine("sbr", [
  sbr("to be first", { prevResult: null }, ["prevResult: missing", '"sbr"']),
  sbr("a table as text", { table: "500" }, ["table: must be a whole number", '"500"']),
  sbr("table 0", { table: 0 }, ["table: must be a whole number from 1"]),
  sbr("a table beyond 32 bits", { table: 4294967296 }, ["table:", "4294967296"]),
  sbr("a table as an object", { table: {} }, ["table: must be a whole number"]),
  sbr("an attachment without addresses", { prevResult: { cniVersion: "1.0.0", ips: [] } }, [
    "ipam",
    "no address",
  ]),
  sbr("an attachment whose link is not there", {}, ['link "eth0"'], 100),
]);

const vrf = (name: string, more: Keys, says: readonly string[], code = 7): BadCall =>
  chained(name, { type: "vrf", ...more }, says, code);

examine("vrf", [
  vrf("to be first", { vrfname: "blue", prevResult: null }, ["prevResult: missing", '"vrf"']),
  vrf("no name", {}, ["vrfname: missing"]),
  vrf("a name with a slash", { vrfname: "a/b" }, ["vrfname:", "a/b"]),
  vrf("a name that is too long", { vrfname: "b".repeat(16) }, ["vrfname:", "15 bytes"]),
  vrf("a name that is the link's", { vrfname: "eth0" }, ["vrfname:", '"eth0"']),
  vrf("a name that is another link's", { vrfname: "lo" }, ["vrfname:", "no VRF"]),
  vrf("a table as text", { vrfname: "blue", table: "1" }, ["table: must be a whole number"]),
  vrf("a table below zero", { vrfname: "blue", table: -1 }, ["table: must be a whole number"]),
]);

const device = (name: string, more: Keys, says: readonly string[], code = 7): BadCall => ({
  name,
  config: { cniVersion: "1.0.0", name: "good", type: "host-device", ...more },
  code,
  says,
});

examine("host-device", [
  device("no device", {}, ["device: missing", '"pciBusID"']),
  device("a device that is not there", { device: "dev9" }, ["device:", '"dev9"']),
  device("a device's name with a slash", { device: "../lo" }, ["device:", "../lo"]),
  device("a device as a number", { device: 5 }, ["device: must be a string"]),
  device("a short hardware address", { hwaddr: "02:aa" }, ["hwaddr: must be"]),
  device("a hardware address that nobody has", { hwaddr: "02:00:00:00:00:99" }, [
    "hwaddr:",
    "02:00:00:00:00:99",
  ]),
  device("a path outside of /sys/devices", { kernelpath: "/etc" }, [
    "kernelpath: must be a path",
    "/sys/devices/",
  ]),
  device("a path that leads out of it", { kernelpath: "/sys/devices/../class/net/lo" }, [
    "kernelpath:",
  ]),
  device("a path without a link", { kernelpath: "/sys/devices/system" }, ["kernelpath: no link"]),
  device("a PCI address that leads elsewhere", { pciBusID: "../../class/net" }, [
    "pciBusID: must be",
  ]),
  device("a PCI address that is none", { pciBusID: "0000:ff:1f.7" }, [
    "pciBusID:",
    "not on the PCI bus",
  ]),
  device(
    "a device that the runtime does not have",
    { runtimeConfig: { deviceID: "0000:ff:1f.7" } },
    ["runtimeConfig.deviceID:", "neither"],
  ),
  device("the loopback", { device: "lo" }, ['link "lo"'], 100),
]);

const inOneRun = (name: string, more: Keys, says: readonly string[], code = 7): BadCall => ({
  name,
  config: (stage: Stage) => ({ ...stage.bridge(), type: "netloom", driver: "bridge", ...more }),
  code,
  says,
});

examine("netloom's options", [
  inOneRun("options as a number", { tuning: 5 }, ["tuning: must be an object, not 5"]),
  inOneRun("options as a list", { tuning: [] }, ["tuning: must be an object, not []"]),
  inOneRun("an option that is none", { tuning: { mtus: 1400 } }, [
    "tuning.mtus: is no option",
    '"mtu"',
  ]),
  inOneRun("an option of the wrong type", { tuning: { mtu: "1400" } }, [
    "tuning.mtu: must be a whole number",
  ]),
  inOneRun("a sysctl of the machine", { tuning: { sysctl: { "vm.swappiness": "1" } } }, [
    'tuning.sysctl["vm.swappiness"]',
  ]),
  inOneRun("a table that is none", { sbr: { table: -1 } }, ["sbr.table: must be"]),
  inOneRun("sbr without addresses", { ipam: null, sbr: {} }, ["ipam", "no address"]),
  inOneRun("a name that is misspelt", { tunning: { mtu: 1400 } }, [
    "tunning: is no option",
    '"tuning"',
  ]),
  inOneRun(
    "a sysctl that the kernel refuses",
    { tuning: { sysctl: { "net.ipv4.nothing": "1" } } },
    ["net/ipv4/nothing"],
    100,
  ),
]);

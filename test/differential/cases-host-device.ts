/** Configurations of host-device; on this kernel a pair or a macvlan stands for the device. */
import { type Case, list, subnet4 } from "./case.ts";

type Keys = Readonly<Record<string, unknown>>;

const mac = "02:aa:bb:cc:dd:01";
/** Before each case: a device without addresses, which neither side takes to the container. */
const pair = {
  prepare: `ip link add dev0 address ${mac} type veth peer name far; ip link set far up; ip link set dev0 up`,
};
const child = {
  prepare: `ip link add link uplink name dev0 address ${mac} type macvlan mode bridge; ip link set dev0 up`,
};
const down = { prepare: `ip link add dev0 address ${mac} type veth peer name far` };

const device = (more: Keys = {}): Keys => ({ type: "host-device", device: "dev0", ...more });
const fixed = {
  type: "static",
  addresses: [
    { address: "10.5.0.9/24", gateway: "10.5.0.1" },
    { address: "fd05::9/64", gateway: "fd05::1" },
  ],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
};
const local = { type: "host-local", dataDir: "$DATA", ranges: [[{ subnet: subnet4 }]] };

const one = (name: string, more: Keys = {}, rest: Partial<Case> = {}): Case => {
  return { name: `host-device ${name}`, list: list(device(more)), host: pair, ...rest };
};

export const hostDeviceCases: Case[] = [
  one("by name"),
  one("that is down", {}, { host: down }),
  one("that is a macvlan", {}, { host: child }),
  one("with static addresses", { ipam: fixed }),
  one("with host-local", { ipam: local }),
  one("that is a macvlan with addresses", { ipam: fixed }, { host: child }),
  one("by hardware address", { device: "", hwaddr: mac }),
  one("by hardware address in capitals", { device: "", hwaddr: mac.toUpperCase(), ipam: fixed }),
  one("by name before hardware address", { hwaddr: "02:00:00:00:00:99" }),
  one("under another name", { ipam: fixed }, { ifName: "data0" }),
  one("with DNS settings", { ipam: fixed, dns: { nameservers: ["10.1.1.1"] } }),
  one(
    "with a tuned MTU",
    {},
    {
      list: list([
        device({ ipam: fixed }),
        { type: "tuning", dataDir: "$DIR/tuning", mtu: 1400, mac: "02:00:00:00:00:55" },
      ]),
    },
  ),
  ...["0.3.1", "0.4.0", "1.0.0"].map((cniVersion) =>
    one(`at ${cniVersion}`, {}, { list: list(device({ ipam: fixed }), { cniVersion }) }),
  ),
  one("that is not there", { device: "dev9" }, { refused: true }),
  one("that nothing names", { device: "" }, { refused: true }),
  one("by a hardware address that is none", { device: "", hwaddr: "02:aa" }, { refused: true }),
  one(
    "by a hardware address that nobody has",
    { device: "", hwaddr: "02:00:00:00:00:99" },
    { refused: true },
  ),
  one(
    "by a path outside of /sys/devices",
    { device: "", kernelpath: "/sys/class/net/dev0" },
    { refused: true },
  ),
  one("by a PCI address that is none", { device: "", pciBusID: "0000:ff:1f.7" }, { refused: true }),
  one(
    "by a device that the runtime does not have",
    { runtimeConfig: { deviceID: "0000:ff:1f.7" } },
    { refused: true },
  ),
];

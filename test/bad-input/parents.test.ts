/** Bad input: ipvlan, vlan, dummy and tap, and VLANs of a parent. */
import { type BadCall, examine, type Stage } from "./exam.ts";

type Keys = Readonly<Record<string, unknown>>;

/** A right configuration of the type on the host's uplink, spoilt by `more`. */
const wrong =
  (type: string) =>
  (name: string, more: Keys, says: readonly string[], code = 7): BadCall => ({
    name,
    config: (stage: Stage) => ({
      cniVersion: "1.0.0",
      name: "good",
      type,
      ...(type === "dummy" || type === "tap" ? {} : { master: "uplink" }),
      ipam: stage.hostLocal(),
      ...more,
    }),
    code,
    says,
  });

const ipvlan = wrong("ipvlan");
examine("ipvlan", [
  ipvlan("an unknown mode", { mode: "l4" }, ['mode: must be one of "l2", "l3", "l3s", not "l4"']),
  ipvlan("a mode as a number", { mode: 2 }, ["mode: must be one of", "not 2"]),
  ipvlan("an unknown flag", { flag: "passthru" }, ['flag: must be one of "bridge", "private"']),
  ipvlan("a parent that is not there", { master: "nil0" }, ['no link "nil0" on this host']),
  ipvlan("a parent in the container that is not there", { linkInContainer: true }, [
    'no link "uplink" in the container\'s namespace',
  ]),
  ipvlan("two parents", { parent: "lan0" }, ['parent: is "lan0", but "master" is "uplink"']),
  ipvlan("a parent by no name", { master: "a/b" }, ["master:", "15 bytes"]),
  ipvlan("an MTU above the parent's", { mtu: 9000 }, ["9000 is more than the 1500 of the parent"]),
  ipvlan("an MTU as text", { mtu: "1400" }, ["mtu: must be a whole number"]),
  ipvlan("DHCP in mode l3", { mode: "l3", ipam: { type: "dhcp" } }, ['"mode": "l2"']),
  ipvlan("no addresses", { ipam: undefined }, ["ipam: missing", '"host-local"']),
  ipvlan("a VLAN out of range", { vlan: 4095 }, ["vlan: must be a whole number from 0 to 4094"]),
  ipvlan("a VLAN in the container", { vlan: 5, linkInContainer: true }, [
    'vlan: does not go with "linkInContainer"',
  ]),
  ipvlan("two links of a plugin before it", { master: "", prevResult: twoLinks() }, [
    "master: is missing, and the plugin before this one has not made one link alone",
  ]),
  ipvlan(
    "a subnet of the parent's own in mode l3",
    { mode: "l3", ipam: { type: "static", addresses: [{ address: "198.51.100.9/24" }] } },
    ['overlaps 198.51.100.1/24 of the parent "uplink"', '"mode": "l2"'],
  ),
]);

const vlan = wrong("vlan");
examine("vlan", [
  vlan("no parent", { master: undefined }, ["master: missing"]),
  vlan("a VLAN out of range", { vlanId: 4095 }, ["vlanId: must be a whole number from 0 to 4094"]),
  vlan("a VLAN as text", { vlanId: "5" }, ["vlanId: must be a whole number", '"5"']),
  vlan("an MTU above the parent's", { vlanId: 5, mtu: 1501 }, ["1501 is more than the 1500"]),
  vlan("no addresses", { vlanId: 5, ipam: undefined }, ["ipam: missing"]),
]);

const dummy = wrong("dummy");
examine("dummy", [
  dummy("no addresses", { ipam: undefined }, ["ipam: missing"]),
  dummy("a guard of what leads nowhere", { raGuard: true }, [
    "raGuard: cannot be true: the link leads nowhere: leave it out",
  ]),
]);

const tap = wrong("tap");
examine("tap", [
  tap("an owner by name", { owner: "root" }, ["owner: must be a whole number", '"root"']),
  tap("an owner below zero", { owner: -1 }, ["owner: must be a whole number from 0"]),
  tap("a group beyond 32 bits", { group: 2 ** 32 }, ["group:", "4294967294"]),
  tap("queues as text", { multiQueue: "yes" }, ["multiQueue: must be true or false"]),
  tap("a group's hardware address", { mac: "01:00:5e:00:00:01" }, ["mac: must be a unicast"]),
  tap("a bridge that is not there", { bridge: "br0" }, ['bridge: there is no link "br0" in the']),
  tap("a bridge that is another link", { bridge: "lo" }, ['bridge: link "lo" is of another kind']),
  tap("an MTU that no link can have", { mtu: 65536 }, ["mtu: must be a whole number"]),
  tap("a context of SELinux", { selinuxContext: "system_u:object_r:tun_t:s0" }, [
    "selinuxContext:",
    "Leave it out",
  ]),
]);

function twoLinks(): Keys {
  return { cniVersion: "1.0.0", interfaces: [{ name: "uplink" }, { name: "other" }] };
}

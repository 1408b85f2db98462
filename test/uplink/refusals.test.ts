/** What can't be an uplink is refused with the reason and the remedy, and nothing changes. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { PrivateHost } from "../host/private-host.ts";
import { attachment, carriedBy, own, uplinkHost, uplinkNetwork } from "./stage.ts";

let host: PrivateHost;
let index: string;

beforeAll(async () => {
  host = await uplinkHost(["blue"]);
  index = (await host.run(["cat", `/sys/class/net/${own.name}/ifindex`])).trim();
}, 30_000);

afterAll(() => host?.close());

interface Refusal {
  /** Completes "refuses …". */
  readonly name: string;
  /** Shell that makes it so; `$index` is the uplink's. */
  readonly given?: string;
  /** Shell that undoes it. */
  readonly after?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly says: readonly string[];
  /** It is enough to say so: `"takeOver": true`. */
  readonly forgiven?: true;
}

const managers: Refusal[] = [
  {
    name: "a link of NetworkManager's",
    given:
      "mkdir -p /run/NetworkManager/devices; printf '[device]\\nmanaged=true\\n' >/run/NetworkManager/devices/$index",
    after: "rm -r /run/NetworkManager",
    says: ["NetworkManager looks after it", "nmcli device set uplink managed no", "takeOver"],
    forgiven: true,
  },
  {
    name: "a link of systemd-networkd's",
    given:
      "mkdir -p /run/systemd/netif/links; printf 'ADMIN_STATE=configured\\nOPER_STATE=routable\\n' >/run/systemd/netif/links/$index",
    after: "rm -r /run/systemd",
    says: ["systemd-networkd looks after it", "Unmanaged=yes", "takeOver"],
    forgiven: true,
  },
  {
    name: "a link of netplan's",
    given:
      "mkdir -p /run/systemd/netif/links; printf 'ADMIN_STATE=configuring\\nNETWORK_FILE=/run/systemd/network/10-netplan-uplink.network\\n' >/run/systemd/netif/links/$index",
    after: "rm -r /run/systemd",
    says: ["netplan looks after it", "/etc/netplan", "takeOver"],
    forgiven: true,
  },
  {
    name: "a link of ifupdown's",
    given:
      "mkdir -p /run/network /etc/network; echo lo=lo >/run/network/ifstate; echo uplink=uplink >>/run/network/ifstate; echo 'iface uplink inet static' >/etc/network/interfaces",
    after: "rm -r /run/network /etc/network/interfaces",
    says: ["ifupdown looks after it", "iface uplink inet manual", "takeOver"],
    forgiven: true,
  },
  {
    name: "a link with a DHCP client",
    given:
      "mkdir -p /run/fake; cp /bin/sleep /run/fake/dhclient; /run/fake/dhclient 1000 >/dev/null 2>&1 & echo $! >/run/dhclient.uplink.pid",
    after: "kill $(cat /run/dhclient.uplink.pid); rm -r /run/fake /run/dhclient.uplink.pid",
    says: ["dhclient looks after it", "end process", "takeOver"],
    forgiven: true,
  },
  {
    name: "a dynamic IPv4 address",
    given: "ip addr add 198.51.100.9/24 dev uplink valid_lft 900 preferred_lft 900",
    after: "ip addr del 198.51.100.9/24 dev uplink",
    says: ["its address 198.51.100.9/24 is dynamic", "DHCP client", "make it static", "takeOver"],
    forgiven: true,
  },
  {
    name: "an IPv6 address from a router",
    given: "ip addr add 2001:db8:1::9/64 dev uplink nodad valid_lft 900 preferred_lft 900",
    after: "ip addr del 2001:db8:1::9/64 dev uplink",
    says: ["its address 2001:db8:1::9/64 is dynamic", "router's advertisement", "takeOver"],
    forgiven: true,
  },
  {
    name: "a default route from a router",
    given: "ip -6 route add default via fe80::9 dev uplink proto ra metric 77",
    after: "ip -6 route del default via fe80::9",
    says: ["its route to ::/0 came from a router's advertisement", "takeOver"],
    forgiven: true,
  },
  {
    name: "a route of a DHCP client's",
    given: "ip route add 203.0.113.0/24 via 198.51.100.2 proto dhcp",
    after: "ip route del 203.0.113.0/24 via 198.51.100.2",
    says: ["its route to 203.0.113.0/24 came from a DHCP client", "takeOver"],
    forgiven: true,
  },
];

const unfit: Refusal[] = [
  { name: "the loopback", config: { uplink: "lo" }, says: ["it is the loopback"] },
  {
    name: "a link that is not there",
    config: { uplink: "eth9" },
    says: ['uplink: there is no link \\"eth9\\"', "name one that exists"],
  },
  {
    name: "a link that is down",
    given: "ip link add down0 type veth peer name down1",
    after: "ip link del down0",
    config: { uplink: "down0" },
    says: ["it is down", "ip link set down0 up"],
  },
  {
    name: "a port of another bridge",
    given: "ip link add other0 type bridge; ip link set uplink master other0",
    after: "ip link set uplink nomaster; ip link del other0",
    says: ['it is in \\"other0\\" already', "Name that as the bridge"],
  },
  {
    name: "a bridge",
    given: "ip link add other0 type bridge; ip link set other0 up",
    after: "ip link del other0",
    config: { uplink: "other0" },
    says: ["it is a bridge itself"],
  },
  {
    name: "the parent of a macvlan",
    given: "ip link add mv0 link uplink type macvlan mode bridge",
    after: "ip link del mv0",
    says: ['macvlan \\"mv0\\" stands on it', "through the bridge"],
  },
  {
    name: "the parent of a container's macvlan",
    given: "ip link add mv0 link uplink netns client type macvlan mode bridge",
    after: "ip -n client link del mv0",
    says: ["macvlan or ipvlan links of containers stand on it"],
  },
  {
    name: "a bridge that somebody else made",
    given: "ip link add lan0 type bridge",
    after: "ip link del lan0",
    says: ["is not Netloom's", "name another bridge"],
  },
  {
    name: "an address that is still looked for",
    given:
      "sysctl -qw net.ipv6.conf.uplink.dad_transmits=100; ip addr add 2001:db8:1::9/64 dev uplink",
    after:
      "ip addr del 2001:db8:1::9/64 dev uplink; sysctl -qw net.ipv6.conf.uplink.dad_transmits=1",
    says: ["2001:db8:1::9/64 is still looked for", "try again"],
  },
  {
    name: "a route through a next hop object",
    given: "ip nexthop add id 5 via 198.51.100.2 dev uplink; ip route add 203.0.113.0/24 nhid 5",
    after: "ip route del 203.0.113.0/24; ip nexthop del id 5",
    says: ["203.0.113.0/24 leads to a next hop object"],
  },
  {
    name: "a link without Ethernet frames",
    given: "ip tuntap add tun0 mode tun; ip link set tun0 up",
    after: "ip tuntap del tun0 mode tun",
    config: { uplink: "tun0", mtu: 0 },
    says: ["it has no hardware address"],
  },
  {
    name: "itself as the bridge",
    config: { uplink: "lan0", bridge: "lan0" },
    says: ['uplink: is the bridge \\"lan0\\" itself'],
  },
  {
    name: "a host that routes",
    config: { isGateway: true },
    says: ['isGateway: does not go with \\"uplink\\"', "own router"],
  },
  {
    name: "a default gateway",
    config: { isDefaultGateway: true },
    says: ['isDefaultGateway: does not go with \\"uplink\\"'],
  },
  {
    name: "masquerading",
    config: { ipMasq: true },
    says: ['ipMasq: does not go with \\"uplink\\"', "addresses of the physical network"],
  },
  {
    name: "a VLAN of the bridge's",
    config: { vlan: 5 },
    says: ['vlan: does not go with \\"uplink\\"', "uplinkVlan"],
  },
  {
    name: "a trunk of the bridge's",
    config: { vlanTrunk: [{ id: 5 }] },
    says: ['vlanTrunk: does not go with \\"uplink\\"'],
  },
  {
    name: "more MTU than the uplink has",
    config: { mtu: 1600 },
    says: ["mtu: 1600 is more than the 1500 of the uplink"],
  },
  { name: "an uplink as a number", config: { uplink: 5 }, says: ["uplink: must be"] },
  {
    name: "an uplink's name that is too long",
    config: { uplink: "e".repeat(16) },
    says: ["uplink:", "15 bytes"],
  },
  { name: "a path as the uplink", config: { uplink: "../eth1" }, says: ["uplink:", "../eth1"] },
  {
    name: "a text for takeOver",
    config: { takeOver: "yes" },
    says: ["takeOver: must be true or false"],
  },
  {
    name: "takeOver without an uplink",
    config: { uplink: undefined, takeOver: true },
    says: ["takeOver: is about an uplink", 'add \\"uplink\\"'],
  },
  {
    name: "a VLAN without an uplink",
    config: { uplink: undefined, uplinkVlan: 5 },
    says: ["uplinkVlan: is about an uplink"],
  },
  {
    name: "a VLAN out of range",
    config: { uplinkVlan: 4095 },
    says: ["uplinkVlan: must be a whole number from 1 to 4094"],
  },
];

const shell = (script: string) => host.run(["sh", "-c", `index=${index}; ${script}`]);

const links = () => host.run(["sh", "-c", "ip -o link | sed 's/@.*//; s/state.*//' | cut -d: -f2"]);

test.each([...managers, ...unfit].map((refusal) => [refusal.name, refusal] as const))(
  "refuses %s, and changes nothing",
  async (_, { given = "true", after = "true", config, says, forgiven }) => {
    await shell(given);
    try {
      const before = [await carriedBy(host, own.name), await links()];
      const blue = attachment(host, "blue", uplinkNetwork(config));
      const error = await blue.run("ADD").catch((caught: Error) => caught);
      expect(error).toBeInstanceOf(Error);
      for (const words of says) expect((error as Error).message).toContain(words);
      expect([await carriedBy(host, own.name), await links()]).toEqual(before);
      const left =
        "ls /var/lib/netloom/uplinks /var/lib/netloom/attachments 2>/dev/null | grep -c json";
      expect(await host.run(["sh", "-c", `${left} || true`])).toBe("0\n");
      if (forgiven) await expectForgiven(before[0] as string[]);
    } finally {
      await shell(after);
    }
  },
  30_000,
);

/** With `takeOver` it is moved as it is, dynamic or not, and moved back. */
async function expectForgiven(before: readonly string[]): Promise<void> {
  const forgiven = attachment(host, "blue", uplinkNetwork({ takeOver: true }));
  await forgiven.run("ADD");
  const moved = await carriedBy(host, "lan0");
  expect(moved).toEqual(before.map((line) => line.replaceAll(own.name, "lan0")).sort());
  await forgiven.run("CHECK");
  await forgiven.run("DEL");
  expect(await carriedBy(host, own.name)).toEqual([...before]);
  await forgiven.run("GC");
}

test("a client that is gone, an unmanaged link and one that is set by hand are no reason", async () => {
  await shell(`
    mkdir -p /run/NetworkManager/devices /run/systemd/netif/links /run/network /etc/network
    printf '[device]\\nmanaged=false\\n' >/run/NetworkManager/devices/$index
    echo ADMIN_STATE=unmanaged >/run/systemd/netif/links/$index
    echo uplink=uplink >/run/network/ifstate; echo 'iface uplink inet manual' >/etc/network/interfaces
    echo $$ >/run/dhclient.uplink.pid; echo 999999 >/run/dhcpcd-uplink.pid`);
  const blue = attachment(host, "blue");
  await blue.run("ADD");
  await blue.run("DEL");
}, 30_000);

test("two networks share an uplink in one bridge, and no other", async () => {
  await host.run(["ip", "netns", "add", "red"]);
  const blue = attachment(host, "blue");
  await blue.run("ADD");
  const other = { ...uplinkNetwork({ bridge: "lan1" }), name: "other" };
  const red = attachment(host, "red", other);
  const error = await red.run("ADD").catch((caught: Error) => caught);
  expect((error as Error).message).toContain(
    'Cannot use link \\"uplink\\" as the uplink of bridge \\"lan1\\": it is in \\"lan0\\" already',
  );
  const ranges = [[{ subnet: "198.51.100.0/24", rangeStart: "198.51.100.200" }]];
  const ipam = { type: "host-local", ranges };
  const shared = attachment(host, "red", { ...uplinkNetwork({ ipam }), name: "same" });
  await shared.run("ADD");
  await blue.run("DEL");
  await shared.run("CHECK");
  expect(await host.run(["ls", "/var/lib/netloom/uplinks"])).toBe("uplink.json\n");
  await shared.run("DEL");
  expect(await host.run(["ls", "/var/lib/netloom/uplinks"])).toBe("");
}, 30_000);

test("a second uplink of one bridge is refused", async () => {
  const blue = attachment(host, "blue");
  await blue.run("ADD");
  await host.run([
    "sh",
    "-ec",
    "ip link add up2 type veth peer name up3; ip link set up2 up; ip link set up2 addrgenmode none; ip link set up3 up",
  ]);
  const second = attachment(host, "red", { ...uplinkNetwork({ uplink: "up2" }), name: "second" });
  const error = await second.run("ADD").catch((caught: Error) => caught);
  expect((error as Error).message).toContain('has the uplink \\"uplink\\" already');
  await blue.run("DEL");
}, 30_000);

test("of what a container has no uplink can be made", async () => {
  const ipam = { type: "static", addresses: [{ address: "10.5.0.2/24", gateway: "10.5.0.1" }] };
  const ptp = { name: "ptp", bridge: "none", plugins: [{ type: "ptp", ipam }] };
  const blue = attachment(host, "blue", ptp);
  await blue.run("ADD");
  const red = attachment(host, "red", uplinkNetwork({ uplink: blue.result.interfaces[0].name }));
  const error = await red.run("ADD").catch((caught: Error) => caught);
  expect((error as Error).message).toContain("Netloom made it for a container");
  await blue.run("DEL");
}, 30_000);

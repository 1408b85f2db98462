/** What happens to an uplink beside ADD and DEL: other hands, commands, reboots. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { PrivateHost } from "../host/private-host.ts";
import { attachment, carriedBy, lan, own, unreached, uplinkHost, uplinkNetwork } from "./stage.ts";

let host: PrivateHost;
let before: string[];

beforeEach(async () => {
  host = await uplinkHost(["blue", "red"]);
  // The kernel takes note of a carrier late on a busy machine, and only then answers for IPv6.
  const answers = `ip -6 route show table local dev ${own.name} | grep -q 'local ${own.ipv6} '`;
  await host.until(["sh", "-c", answers]);
  before = await carriedBy(host, own.name);
}, 30_000);

afterEach(() => host?.close());

const blue = () => attachment(host, "blue");
const red = () => attachment(host, "red");
const sh = (script: string) => host.run(["sh", "-ec", script]);
const netloom = (...words: string[]) => host.attempt(["/opt/cni/bin/netloom", ...words]);
const files = (dir: string) => sh(`ls /var/lib/netloom/${dir} 2>/dev/null || true`);

async function expectAsBefore(): Promise<void> {
  expect(await carriedBy(host, own.name)).toEqual(before);
  expect(await unreached(host, undefined, [lan.ipv4, lan.ipv6])).toEqual([]);
  expect(await files("uplinks")).toBe("");
}

test("a bridge that has the uplink already is used as it is, and stays as it is", async () => {
  await sh(`
    ip link add lan0 type bridge; ip link set lan0 addrgenmode none; ip link set lan0 up
    ip addr flush dev ${own.name}; ip link set ${own.name} master lan0
    ip addr add ${own.ipv4}/24 dev lan0; ip addr add ${own.ipv6}/64 dev lan0 nodad
    ip route replace default via ${lan.ipv4}; ip -6 route replace default via ${lan.ipv6}`);
  const [uplink, bridge] = [await carriedBy(host, own.name), await carriedBy(host, "lan0")];
  const container = blue();
  await container.run("ADD");
  expect(await unreached(host, "blue", [lan.ipv4, lan.ipv6, own.ipv4, own.ipv6])).toEqual([]);
  expect(await carriedBy(host, "lan0")).toEqual(bridge);
  await container.run("CHECK");
  expect(await files("uplinks")).toBe("");
  await container.run("DEL");
  await container.run("GC");
  expect(await carriedBy(host, own.name)).toEqual(uplink);
  expect(await carriedBy(host, "lan0")).toEqual(bridge);
  expect(await unreached(host, undefined, [lan.ipv4, lan.ipv6])).toEqual([]);
}, 30_000);

test("CHECK notices that the uplink left the bridge, and the next ADD puts it back", async () => {
  const container = blue();
  await container.run("ADD");
  await sh(`ip link set ${own.name} nomaster`);
  await expect(container.run("CHECK")).rejects.toThrow(
    'uplink \\"uplink\\" is no port of bridge \\"lan0\\" any more',
  );
  const other = red();
  await other.run("ADD");
  await container.run("CHECK");
  expect(await unreached(host, undefined, [lan.ipv4, lan.ipv6])).toEqual([]);
  await container.run("DEL");
  await other.run("DEL");
  await expectAsBefore();
}, 30_000);

test("CHECK notices that addresses went back", async () => {
  const container = blue();
  await container.run("ADD");
  await sh(`ip addr add ${own.ipv4}/24 dev ${own.name}`);
  await expect(container.run("CHECK")).rejects.toThrow(
    'addresses went back from bridge \\"lan0\\" to its uplink \\"uplink\\"',
  );
  const other = red();
  await other.run("ADD");
  await container.run("CHECK");
  await container.run("DEL");
  await other.run("DEL");
  await expectAsBefore();
}, 30_000);

test("the command shows uplinks, and releases one that containers use only by force", async () => {
  const container = blue();
  expect((await netloom("uplink", "list")).stdout).toBe("No bridge has an uplink's place\n");
  await container.run("ADD");
  expect((await netloom("uplink", "list")).stdout).toMatch(
    /^UPLINK +BRIDGE +CONTAINERS +ADDRESSES\nuplink +lan0 +1 +198\.51\.100\.1\/24 2001:db8:1::1\/64\n$/,
  );
  const [use] = (await netloom("uplink", "list", "--json")).stdout.trim().split("\n");
  expect(JSON.parse(use!)).toMatchObject({
    uplink: "uplink",
    bridge: "lan0",
    attachments: [{ containerId: "blue", ifName: "eth0", network: "lan" }],
  });
  const refused = await netloom("uplink", "release", own.name);
  expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
  expect(refused.stderr).toContain(
    'Cannot release uplink "uplink": 1 attachments use it: blue (eth0)',
  );
  const forced = await netloom("uplink", "release", own.name, "--force");
  expect(forced).toMatchObject({ exitCode: 0, stderr: "" });
  await expectAsBefore();
  await expect(container.run("CHECK")).rejects.toThrow("is no port of bridge");
  const again = await netloom("uplink", "release", own.name);
  expect(again.stdout).toContain("Nothing to release");
  await container.run("DEL");
  await expectAsBefore();
}, 30_000);

test("the doctor tells of uplinks that are moved for nobody, or half", async () => {
  const told = async () => {
    const { sections } = JSON.parse((await netloom("doctor", "--json")).stdout);
    const findings = sections.flatMap(({ findings }: { findings: object[] }) => findings);
    return findings.filter(({ what }: { what: string }) => what.includes('"lan0"'));
  };
  await blue().run("ADD");
  expect(await told()).toEqual([
    { level: "fine", what: 'Bridge "lan0" is in the place of "uplink"' },
  ]);
  await sh(`ip link set ${own.name} nomaster`);
  expect(await told()).toMatchObject([
    { level: "fault", what: 'Link "uplink" is no port of bridge "lan0", which has its addresses' },
  ]);
  await sh("rm /var/lib/netloom/attachments/*");
  expect(await told()).toContainEqual({
    level: "warning",
    what: 'Bridge "lan0" is in the place of "uplink", and no container uses it',
    mend: "netloom uplink release uplink",
  });
  await netloom("uplink", "release", own.name);
  await expectAsBefore();
}, 60_000);

test("after a reboot nothing of an old record is applied", async () => {
  const container = blue();
  await container.run("ADD");
  const script = `sed -i 's/"boot":"[^"]*"/"boot":"before"/' /var/lib/netloom/*/*.json`;
  // As the network manager has it after the boot.
  await sh(`${script}
    ip link del lan0; ip addr flush dev ${own.name}; rm -r /run/netloom
    ip netns del blue; ip netns add blue
    ip addr add 198.51.100.77/24 dev ${own.name}; ip addr add ${own.ipv4}/24 dev ${own.name}
    ip addr add ${own.ipv6}/64 dev ${own.name} nodad
    ip route replace default via ${lan.ipv4}; ip -6 route replace default via ${lan.ipv6}`);
  before = await carriedBy(host, own.name);
  await container.run("DEL");
  await expectAsBefore();
  await sh(
    `mkdir -p /var/lib/netloom/uplinks; echo '{"version":1,"boot":"before","uplink":"uplink","bridge":"lan0","carried":{}}' >/var/lib/netloom/uplinks/uplink.json`,
  );
  const next = red();
  await next.run("ADD");
  expect(await carriedBy(host, "lan0")).toEqual(
    before.map((line) => line.replaceAll(own.name, "lan0")).sort(),
  );
  await next.run("DEL");
  await expectAsBefore();
}, 30_000);

test("an unreadable record is told with what mends it, and DEL gives everything back", async () => {
  const file = "/var/lib/netloom/uplinks/uplink.json";
  const says = `Cannot read uplink record "${file}": `;
  const spoilt: [string, () => Promise<unknown>][] = [
    [": >", () => blue().run("DEL")],
    ["echo '{}' >", () => netloom("uplink", "release", "--force", own.name)],
    [
      `echo '{"version":2,"boot":"later"}' >`,
      async () => {
        await sh("rm /var/lib/netloom/attachments/*");
        await netloom("clean");
      },
    ],
  ];
  for (const [spoil, end] of spoilt) {
    const container = blue();
    await container.run("ADD");
    await sh(`${spoil} ${file}`);
    await expect(container.run("CHECK")).rejects.toThrow(JSON.stringify(says).slice(1, -1));
    await expect(red().run("ADD")).rejects.toThrow("netloom uplink release --force uplink");
    const listed = await netloom("uplink", "list");
    expect(listed).toMatchObject({ exitCode: 1, stdout: "No bridge has an uplink's place\n" });
    expect(listed.stderr).toContain(says);
    const { sections } = JSON.parse((await netloom("doctor", "--json")).stdout);
    expect(sections.flatMap(({ findings }: { findings: object[] }) => findings)).toContainEqual({
      level: "fault",
      what: `${file} is no readable record of what a bridge took from "uplink"`,
      mend: "netloom uplink release --force uplink",
    });
    expect(await unreached(host, "blue", [lan.ipv4, own.ipv4])).toEqual([]);
    await end();
    await expectAsBefore();
    await blue().run("DEL");
    await sh("rm -rf /var/lib/cni/networks");
  }
}, 60_000);

test("GC and clean release what no attachment names any more", async () => {
  for (const end of [() => blue().run("GC"), () => netloom("clean")]) {
    await blue().run("ADD");
    await sh("rm /var/lib/netloom/attachments/*; ip netns del blue; ip netns add blue");
    await end();
    await expectAsBefore();
    await sh("rm -rf /var/lib/cni/networks");
  }
}, 30_000);

test("an outside hand that removes the bridge takes the addresses, and DEL brings them back", async () => {
  await sh(`ip route add 203.0.113.0/24 via ${lan.ipv4} src ${own.ipv4}`);
  before = await carriedBy(host, own.name);
  const container = blue();
  await container.run("ADD");
  await sh("ip link del lan0");
  await container.run("DEL");
  await expectAsBefore();
}, 30_000);

test("an uplink that was renamed meanwhile gets everything back under its new name", async () => {
  await blue().run("ADD");
  const moved = await carriedBy(host, "lan0");
  expect(moved.join()).toContain(own.ipv4);
  await sh(`ip link set ${own.name} name lan-card`);
  try {
    await blue().run("DEL");
    const back = (await carriedBy(host, "lan-card")).join();
    for (const address of [own.ipv4, own.ipv6]) expect(back).toContain(`${address}/`);
    expect(back).toContain(`default via ${lan.ipv4}`);
    expect(await unreached(host, undefined, [lan.ipv4, lan.ipv6])).toEqual([]);
  } finally {
    await sh(`ip link set lan-card name ${own.name}`);
  }
  await expectAsBefore();
}, 30_000);

test("an uplink that was renamed is known by its new name, and stays until its last user leaves", async () => {
  const first = blue();
  await first.run("ADD");
  await sh(`ip link set ${own.name} name lan-card`);
  try {
    await first.run("CHECK");
    await expect(red().run("ADD")).rejects.toThrow('there is no link \\"uplink\\" on this host');
    const second = attachment(host, "red", uplinkNetwork({ uplink: "lan-card" }));
    await second.run("ADD");
    await second.run("CHECK");
    expect((await netloom("uplink", "list")).stdout).toMatch(/\nuplink +lan0 +2 /);
    expect((await netloom("uplink", "release", "lan-card")).stderr).toContain("2 attachments use");
    await first.run("DEL");
    await second.run("CHECK");
    expect(await unreached(host, "red", [lan.ipv4, lan.ipv6, own.ipv4])).toEqual([]);
    await second.run("DEL");
    expect((await carriedBy(host, "lan-card")).join()).toContain(own.ipv4);
  } finally {
    await sh(`ip link set lan-card name ${own.name}`);
  }
  await expectAsBefore();
}, 30_000);

test("the uplink's own link may vanish, and the rest goes in peace", async () => {
  const container = blue();
  await container.run("ADD");
  await sh(`ip link del ${own.name}`);
  await container.run("DEL");
  expect(await sh("ip -o addr show dev lan0 scope global")).toBe("");
  expect(await files("uplinks")).toBe("");
}, 30_000);

test("the bridge judges packets as the uplink did, and hears routers only where the host did", async () => {
  await sh(
    `sysctl -qw net.ipv4.conf.${own.name}.rp_filter=1 net.ipv4.conf.${own.name}.arp_ignore=1`,
  );
  const container = blue();
  await container.run("ADD");
  const read = (name: string) => sh(`cat /proc/sys/net/${name}`);
  expect(await read("ipv4/conf/lan0/rp_filter")).toBe("1\n");
  expect(await read("ipv4/conf/lan0/arp_ignore")).toBe("1\n");
  expect(await read("ipv6/conf/lan0/accept_ra")).toBe("0\n");
  await container.run("DEL");
  await sh(`ip -6 route add default via fe80::9 dev ${own.name} proto ra metric 77`);
  before = await carriedBy(host, own.name);
  const taken = attachment(host, "blue", uplinkNetwork({ takeOver: true }));
  await taken.run("ADD");
  expect(await read("ipv6/conf/lan0/accept_ra")).toBe("2\n");
  await taken.run("DEL");
  await expectAsBefore();
}, 30_000);

test("a failed ADD leaves the host as it was", async () => {
  const ipam = {
    type: "static",
    addresses: [{ address: "198.51.100.50/24" }],
    routes: [{ dst: "10.0.0.0/8", gw: "192.0.2.1" }],
  };
  const container = attachment(host, "blue", uplinkNetwork({ ipam }));
  await expect(container.run("ADD")).rejects.toThrow("Cannot add route");
  await expectAsBefore();
}, 30_000);

/** A router's advertisement, for 2001:db8:77::/64 and as the default router, sent by the LAN. */
const advertise = `
import socket, struct, sys
x = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
x.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
lifetime = int(sys.argv[1])
body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0)
prefix = socket.inet_pton(socket.AF_INET6, "2001:db8:77::")
body += struct.pack("!BBBBIII", 3, 4, 64, 0xc0, lifetime, lifetime, 0) + prefix
x.sendto(body, ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))`;

test("a host that lives on a router's advertisements goes on doing so on the bridge", async () => {
  const heard = (link: string, atLeastS: number) => `
    ip -6 -o addr show dev ${link} scope global dynamic | awk '{
      for (i = 1; i < NF; i++) if ($i == "valid_lft" && $(i+1) + 0 > ${atLeastS}) found = 1
    } END { exit !found }' && ip -6 route show default dev ${link} | grep -q 'proto ra'`;
  const router = (lifetimeS: number) =>
    host.run(["ip", "netns", "exec", lan.netns, "python3", "-c", advertise, String(lifetimeS)]);
  await sh(`sysctl -qw net.ipv6.conf.${own.name}.accept_ra=1 net.ipv6.conf.${own.name}.forwarding=0
    ip link set ${own.name} addrgenmode eui64; ip link set ${own.name} down; ip link set ${own.name} up
    ip addr add ${own.ipv6}/64 dev ${own.name} nodad; ip route replace default via ${lan.ipv4}
    ip -n ${lan.netns} addr add 2001:db8:77::2/64 dev eth0 nodad`);
  await host.until([
    "sh",
    "-c",
    `ip -n ${lan.netns} addr show dev eth0 | grep fe80 | grep -vq tentative`,
  ]);
  await router(1800);
  await host.until(["sh", "-c", heard(own.name, 1700)]);
  await expect(blue().run("ADD")).rejects.toThrow("is dynamic");
  const taken = attachment(host, "blue", uplinkNetwork({ takeOver: true }));
  await taken.run("ADD");
  await sh(heard("lan0", 1700));
  expect(await unreached(host, undefined, [lan.ipv4, lan.ipv6, "2001:db8:77::2"])).toEqual([]);
  // The bridge hears the next one.
  await router(5400);
  await host.until(["sh", "-c", heard("lan0", 5000)]);
  expect(await carriedBy(host, own.name).then((lines) => lines.join())).not.toContain("inet");
  await taken.run("CHECK");
  await taken.run("DEL");
  await sh(heard(own.name, 5000));
  await router(9000);
  await host.until(["sh", "-c", heard(own.name, 8000)]);
  expect(await unreached(host, undefined, [lan.ipv4, lan.ipv6, "2001:db8:77::2"])).toEqual([]);
}, 60_000);

test("type netloom takes an uplink too", async () => {
  const one = { ...uplinkNetwork().plugins[0], type: "netloom", driver: "bridge" };
  const container = attachment(host, "blue", { ...uplinkNetwork(), plugins: [one] });
  await container.run("ADD");
  expect(await unreached(host, "blue", [lan.ipv4, lan.ipv6, own.ipv4, own.ipv6])).toEqual([]);
  await container.run("CHECK");
  await container.run("DEL");
  await expectAsBefore();
}, 30_000);

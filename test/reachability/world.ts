/**
 * A host on a LAN with another host on it, which is the router to what is outside; and two
 * containers of one network on the first.
 */
import { callPlugin } from "../support/cni-call.ts";
import { ourDir } from "../support/reference.ts";
import { shell } from "../support/run.ts";
import { lan, TestHost } from "../support/test-host.ts";
import { type Probe, probe, serve } from "../support/traffic.ts";
import { type Party, parties, type Reach, type Row } from "./rows.ts";

const port = 7000;
const outside = ["192.0.2.2", "2001:db8:300::2"] as const;
const defaults = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];

/** One who is tried: where it is, and its addresses, IPv4 and IPv6. */
interface Place {
  readonly netns: string;
  readonly addresses: readonly [string, string];
}

/** Attaches two containers as the row says, and tries everybody with everybody. */
export async function observeReach(row: Row): Promise<Record<Party, string>> {
  const host = await TestHost.create();
  const far = `${host.outside}f`;
  host.beforeRemoval(() => Bun.spawnSync(["ip", "netns", "del", far]));
  try {
    await makeOutside(host, far);
    if (row.vlan !== undefined) await moveLan(host, row.vlan);
    const self = await attach(host, row, "c1");
    const isAlone = row.reach.sibling === "-";
    const places: Record<Party, Place | undefined> = {
      sibling: isAlone ? undefined : await attach(host, row, "c2"),
      host: { netns: host.netns, addresses: [lan.host4, lan.host6] },
      lan: { netns: host.outside, addresses: [lan.outside4, lan.outside6] },
      outside: { netns: far, addresses: outside },
    };
    const all = [self, ...Object.values(places).filter((place) => place !== undefined)];
    for (const { netns } of all) await serve(host, netns, [port]);
    const found = parties.map(
      async (party) => [party, await reachOf(self, places[party])] as const,
    );
    return Object.fromEntries(await Promise.all(found)) as Record<Party, string>;
  } finally {
    await host.remove();
  }
}

async function makeOutside(host: TestHost, far: string): Promise<void> {
  await shell(`ip netns add ${far}
    ip -n ${host.outside} link add far type veth peer name eth0 netns ${far}
    ip -n ${host.outside} link set far up; ip -n ${far} link set lo up; ip -n ${far} link set eth0 up
    ip -n ${host.outside} addr add 192.0.2.1/24 dev far
    ip -n ${host.outside} addr add 2001:db8:300::1/64 dev far nodad
    ip -n ${far} addr add 192.0.2.2/24 dev eth0; ip -n ${far} addr add 2001:db8:300::2/64 dev eth0 nodad
    ip -n ${far} route add default via 192.0.2.1; ip -n ${far} route add default via 2001:db8:300::1
    nsenter --net=/var/run/netns/${host.outside} sysctl -qw net.ipv4.ip_forward=1 \\
      net.ipv6.conf.all.forwarding=1`);
}

/** The LAN's host and router is in the VLAN alone. */
async function moveLan({ outside: router }: TestHost, vlan: number): Promise<void> {
  await shell(`ip -n ${router} link add link lan name tagged type vlan id ${vlan}
    ip -n ${router} addr flush dev lan scope global
    ip -n ${router} link set tagged up
    ip -n ${router} addr add ${lan.outside4}/24 dev tagged
    ip -n ${router} addr add ${lan.outside6}/64 dev tagged nodad`);
}

async function attach(host: TestHost, row: Row, containerId: string): Promise<Place> {
  const container = await host.addContainer();
  const [link] = JSON.parse(await host.shell("ip -j link show dev lan", host.outside));
  const own = JSON.parse(JSON.stringify(row.config).replaceAll("$LAN", link.address));
  const config = { cniVersion: "1.1.0", name: "net", ...own, ipam: ipamOf(host, row) };
  const { type } = row.config;
  const call = { host, plugins: ourDir(), command: "ADD" as const, type, config };
  const answer = await callPlugin({ ...call, containerId, container });
  if (!answer.ok) throw new Error(`ADD of "${row.name}" failed: ${answer.stdout}`);
  const [v4, v6] = answer.json.ips.map(({ address }: { address: string }) => address.split("/")[0]);
  return { netns: container, addresses: [v4, v6] };
}

function ipamOf(host: TestHost, { addresses }: Row) {
  const ranges =
    addresses === "its own"
      ? [[{ subnet: "10.5.0.0/24" }], [{ subnet: "fd05::/64" }]]
      : [
          [{ subnet: "198.51.100.0/24", rangeStart: "198.51.100.10", gateway: lan.outside4 }],
          [{ subnet: "2001:db8:100::/64", rangeStart: "2001:db8:100::10", gateway: lan.outside6 }],
        ];
  return { type: "host-local", dataDir: `${host.dir}/data`, ranges, routes: defaults };
}

/** What the families have in common; else both, told apart. */
async function reachOf(self: Place, other: Place | undefined): Promise<string> {
  if (!other) return "-";
  const [out, back] = await Promise.all([answers(self, other), answers(other, self)]);
  const [v4, v6] = [0, 1].map((family) => word(out[family]!, back[family]!));
  return v4 === v6 ? v4! : `${v4} (IPv4), ${v6} (IPv6)`;
}

function word(out: boolean, back: boolean): Reach {
  if (out) return back ? "both" : "out";
  return back ? "in" : "none";
}

const patienceMs = 6000;

/** Whether TCP gets through, for each family: what answers once is reachable. */
async function answers(from: Place, to: Place): Promise<boolean[]> {
  const deadline = Date.now() + patienceMs;
  const probes = to.addresses.map((address): Probe => ({ kind: "tcp", address, port }));
  const heard = probes.map(() => false);
  do {
    for (const [i, answer] of (await probe(from.netns, probes)).entries()) {
      if (answer !== null) heard[i] = true;
    }
  } while (heard.includes(false) && Date.now() < deadline);
  return heard;
}

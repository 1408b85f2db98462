/** Watching a namespace in which `ip` and `bridge` change things. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { ScratchNetns } from "../netns/scratch.ts";
import { changeLink, createLink, deleteLink } from "./link.ts";
import { listLinks } from "./link-info.ts";
import { Monitor, type MonitorEvent, type MonitorOptions } from "./monitor.ts";

/** Events up to the first that `last` accepts. */
async function until(
  monitor: Monitor,
  last: (event: MonitorEvent) => boolean,
): Promise<MonitorEvent[]> {
  const events: MonitorEvent[] = [];
  const timer = setTimeout(() => monitor[Symbol.dispose](), 20_000);
  for await (const event of monitor) {
    events.push(event);
    if (last(event)) break;
  }
  clearTimeout(timer);
  return events;
}

const linkGone = (name: string) => (event: MonitorEvent) =>
  event.kind === "link" && event.gone && event.link.name === name;

function watched(groups: ConstructorParameters<typeof Monitor>[0], options: MonitorOptions = {}) {
  const netns = new ScratchNetns("monitor");
  return { netns, monitor: new Monitor(groups, { netns: netns.path, ...options }) };
}

test("forwarding that is switched is told, for a family and for a link", async () => {
  const { netns, monitor } = watched(["netconf"]);
  using _ = netns;
  using __ = monitor;
  const steps = [
    "echo 1 >/proc/sys/net/ipv4/ip_forward",
    "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
    "echo 0 >/proc/sys/net/ipv4/ip_forward",
    "echo 0 >/proc/sys/net/ipv6/conf/lo/forwarding",
  ];
  netns.run("sh", "-ec", ["echo 0 >/proc/sys/net/ipv4/ip_forward", ...steps].join("\n"));
  const isLast = (event: MonitorEvent) =>
    event.kind === "netconf" && event.netconf.index === 1 && event.netconf.forwarding === false;
  const events = await until(
    monitor,
    (event) => isLast(event) && event.kind === "netconf" && event.netconf.family === 6,
  );
  const ofAll = events.flatMap((event) =>
    event.kind === "netconf" && event.netconf.index === "all"
      ? [`${event.netconf.family} ${event.netconf.forwarding}`]
      : [],
  );
  expect(ofAll.slice(-3)).toEqual(["4 true", "6 true", "4 false"]);
});

test("every change of links, ports, addresses, routes, rules, neighbours is told", async () => {
  const { netns, monitor } = watched(["link", "address", "route", "rule", "neigh"]);
  using _ = netns;
  using __ = monitor;
  const steps = [
    "ip link add br0 type bridge",
    "ip link add v type veth peer name w",
    "ip link set v master br0 up",
    "ip addr add 10.1.0.1/24 dev br0",
    "ip link set br0 up",
    "ip route add 10.9.0.0/16 via 10.1.0.9",
    "ip rule add from 10.8.0.0/16 lookup 10800 priority 10800",
    "ip neigh add 10.1.0.7 lladdr 02:00:00:00:00:07 dev br0",
    "bridge fdb add 02:00:00:00:00:09 dev v master static",
    "ip route del 10.9.0.0/16",
    "ip addr del 10.1.0.1/24 dev br0",
    "ip link set v nomaster",
    "ip rule del priority 10800",
    "ip link del v",
    "ip link del br0",
  ];
  netns.run("sh", "-ec", steps.join("\n"));
  const events = await until(monitor, linkGone("br0"));
  const some = (wanted: object) => expect(events).toContainEqual(expect.objectContaining(wanted));
  const route = expect.objectContaining({ dst: "10.9.0.0/16", gateway: "10.1.0.9" });
  const rule = expect.objectContaining({ src: "10.8.0.0/16", table: 10800, priority: 10800 });
  const address = expect.objectContaining({ address: "10.1.0.1/24" });
  const neigh = { dst: "10.1.0.7", mac: "02:00:00:00:00:07", state: "permanent" };
  some({ kind: "link", gone: false, link: expect.objectContaining({ name: "br0", up: true }) });
  some({ kind: "bridgePort", gone: false });
  some({ kind: "bridgePort", gone: true });
  for (const gone of [false, true]) {
    some({ kind: "address", gone, address });
    some({ kind: "route", gone, route });
    some({ kind: "rule", gone, rule });
  }
  some({ kind: "neigh", gone: false, neigh: expect.objectContaining(neigh) });
  some({ kind: "fdb", entry: expect.objectContaining({ mac: "02:00:00:00:00:09" }) });
  // A port that left its bridge is not told as a link that is gone.
  const gone = events.filter((event) => event.kind === "link" && event.gone);
  expect(gone).toHaveLength(3);
});

test("what changed before the iteration began is told, and other groups are not", async () => {
  const { netns, monitor } = watched(["address"]);
  using _ = netns;
  using __ = monitor;
  netns.run("ip", "link", "add", "br0", "type", "bridge");
  netns.run("ip", "addr", "add", "10.1.0.1/24", "dev", "br0");
  const events = await until(monitor, () => true);
  expect(events).toMatchObject([{ kind: "address", address: { address: "10.1.0.1/24" } }]);
});

test("a burst of changes arrives whole and in order", async () => {
  const { netns, monitor } = watched(["link"]);
  using _ = netns;
  using __ = monitor;
  using socket = netns.socket();
  socket.run([createLink({ name: "br0", kind: "bridge" })]);
  for (let mtu = 1000; mtu < 2000; mtu++) socket.run([changeLink({ name: "br0" }, { mtu })]);
  socket.run([deleteLink({ name: "br0" })]);
  const events = await until(monitor, linkGone("br0"));
  const mtus = events.flatMap((event) =>
    event.kind === "link" && !event.gone && event.link.mtu < 2000 ? [event.link.mtu] : [],
  );
  const distinct = mtus.filter((mtu, at) => mtu !== mtus[at - 1] && mtu !== 1500);
  const expected = Array.from({ length: 1000 }, (_, at) => 1000 + at).filter((mtu) => mtu !== 1500);
  expect(distinct).toEqual(expected);
});

test("lost changes ask for a resync, after which nothing stale is told", async () => {
  const { netns, monitor } = watched(["link"], { bufferBytes: 64 * 1024 });
  using _ = netns;
  using __ = monitor;
  using socket = netns.socket();
  for (const name of ["br0", "br1"]) socket.run([createLink({ name, kind: "bridge" })]);
  for (let mtu = 1000; mtu < 1200; mtu++) socket.run([changeLink({ name: "br1" }, { mtu })]);
  socket.run([deleteLink({ name: "br1" })]);
  let known: string[] = [];
  const events: MonitorEvent[] = [];
  const timer = setTimeout(() => monitor[Symbol.dispose](), 20_000);
  for await (const event of monitor) {
    events.push(event);
    if (event.kind === "resync") {
      known = listLinks(socket).map((link) => link.name);
      socket.run([createLink({ name: "last", kind: "bridge" })]);
    } else if (event.kind === "link" && event.link.name === "last") break;
  }
  clearTimeout(timer);
  expect(known).toEqual(["lo", "br0"]);
  const at = events.findIndex((event) => event.kind === "resync");
  expect(at).toBeGreaterThanOrEqual(0);
  expect(events.slice(at + 1).map((event) => event.kind === "link" && event.link.name)).toEqual([
    "last",
  ]);
});

test("disposing ends a waiting iteration and leaves no descriptor open", async () => {
  using netns = new ScratchNetns("monitor");
  const sockets = () => readdirSync("/proc/self/fd").length;
  const before = sockets();
  for (let round = 0; round < 5; round++) {
    const monitor = new Monitor(["link"], { netns: netns.path });
    setTimeout(() => monitor[Symbol.dispose](), 10);
    for await (const _ of monitor) throw new Error("nothing happened, yet something was told");
  }
  const deadline = Date.now() + 20_000;
  while (sockets() > before && Date.now() < deadline) await Bun.sleep(10);
  expect(sockets()).toBeLessThanOrEqual(before);
});

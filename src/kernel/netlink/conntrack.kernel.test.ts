/** Tracked connections, made with conntrack(8) and by real packets, and judged by conntrack(8). */
import { expect, test } from "bun:test";
import { ScratchNetns } from "../netns/scratch.ts";
import {
  type ConntrackFilter,
  deleteConntrack,
  flushConntrack,
  listConntrack,
} from "./conntrack.ts";

type Words = readonly string[];

const toPublished: Words = ["-p", "udp", "-d", "192.0.2.1", "--dport", "5353"];

/** Connections by their source port: two to a published UDP port, and four that only resemble. */
function tracked(): ScratchNetns {
  const netns = new ScratchNetns("ct");
  const add = (...words: Words) => netns.run("conntrack", "-I", "-t", "120", ...words);
  const translated = (from: string) => ["-s", from, "-r", "10.1.0.5", "-q", from];
  const answers = (port: string) => ["--reply-port-src", "53", "--reply-port-dst", port];
  add(...toPublished, ...translated("198.51.100.1"), "--sport", "4001", ...answers("4001"));
  add(...toPublished, ...translated("198.51.100.2"), "--sport", "4002", ...answers("4002"));
  add(...toPublished.with(1, "tcp"), "-s", "198.51.100.1", "--sport", "4003", "--state", "NONE");
  add(...toPublished, "-s", "198.51.100.1", "--sport", "4001", "-w", "7");
  add(...toPublished.with(5, "53"), "-s", "198.51.100.1", "--sport", "4005");
  add("-p", "udp", "-s", "2001:db8::1", "-d", "2001:db8::2", "--sport", "4006", "--dport", "5353");
  return netns;
}

/** Source ports, one for each connection that conntrack(8) shows. */
function shown(netns: ScratchNetns, ...words: Words): number[] {
  const lines = netns.run("conntrack", "-L", ...words).split("\n");
  const ports = lines.flatMap((line) => /sport=(\d+)/.exec(line)?.[1] ?? []);
  return ports.map(Number).sort();
}

test("a dump tells each connection's both directions, zone and time left", () => {
  using netns = tracked();
  using socket = netns.socket("netfilter");
  const entries = listConntrack(socket);
  expect(entries).toHaveLength(6);
  expect(entries.find((entry) => entry.original.sourcePort === 4002)).toMatchObject({
    family: 2,
    zone: 0,
    original: { src: "198.51.100.2", dst: "192.0.2.1", protocol: 17, destinationPort: 5353 },
    reply: { src: "10.1.0.5", dst: "198.51.100.2", sourcePort: 53, destinationPort: 4002 },
    seenReply: false,
  });
  for (const { timeoutS } of entries) {
    expect(timeoutS).toBeGreaterThan(60);
    expect(timeoutS).toBeLessThanOrEqual(120);
  }
});

const filters: [ConntrackFilter, Words][] = [
  [{ family: 2 }, ["-f", "ipv4"]],
  [{ family: 10 }, ["-f", "ipv6"]],
  [{ zone: 7 }, ["-w", "7"]],
  [{ original: { protocol: 6 } }, ["-p", "tcp"]],
  [{ family: 2, original: { protocol: 17 } }, ["-f", "ipv4", "-p", "udp"]],
  [{ original: { src: "198.51.100.1" } }, ["-s", "198.51.100.1"]],
  [{ original: { protocol: 17, dst: "192.0.2.1", destinationPort: 5353 } }, toPublished],
  [{ original: { dst: "192.0.2.1", destinationPort: 53 } }, ["-p", "udp", "--dport", "53"]],
  [{ reply: { src: "10.1.0.5" } }, ["-r", "10.1.0.5"]],
  [{ original: { protocol: 17, sourcePort: 4002 } }, ["-p", "udp", "--sport", "4002"]],
  [{ original: { dst: "192.0.2.99" } }, ["-d", "192.0.2.99"]],
];

test("a filter gives what conntrack(8) shows by the same filter", () => {
  using netns = tracked();
  using socket = netns.socket("netfilter");
  for (const [filter, words] of filters) {
    const found = listConntrack(socket, filter).map((entry) => entry.original.sourcePort ?? 0);
    expect([filter, found.sort()]).toEqual([filter, shown(netns, ...words)]);
  }
});

test("the kernel itself filters by addresses, protocol and ports", () => {
  using netns = tracked();
  using socket = netns.socket("netfilter");
  const dump = socket.dump.bind(socket);
  let received = 0;
  socket.dump = (item) => {
    const found = dump(item);
    received = found.length;
    return found;
  };
  listConntrack(socket, { original: { protocol: 17, dst: "192.0.2.1", destinationPort: 53 } });
  expect(received).toBe(1);
});

test("one connection is deleted by its tuple, and its namesake in another zone stays", () => {
  using netns = tracked();
  using socket = netns.socket("netfilter");
  const { id, ...entry } = listConntrack(socket, { zone: 7 })[0]!;
  expect(id).toBeNumber();
  socket.run([deleteConntrack(entry)]);
  expect(shown(netns, "-w", "7")).toEqual([]);
  expect(shown(netns, "-p", "udp", "--sport", "4001")).toEqual([4001]);
});

test("an entry that was replaced meanwhile is not deleted in its successor's stead", () => {
  using netns = tracked();
  using socket = netns.socket("netfilter");
  const [entry] = listConntrack(socket, { original: { protocol: 6 } });
  socket.run([deleteConntrack({ ...entry!, id: (entry!.id! + 1) >>> 0 })]);
  expect(shown(netns, "-p", "tcp")).toEqual([4003]);
});

test("deleting a connection that is not there succeeds", () => {
  using netns = new ScratchNetns("ct");
  using socket = netns.socket("netfilter");
  const original = { src: "192.0.2.1", dst: "192.0.2.2", protocol: 17 };
  socket.run([
    deleteConntrack({ family: 2, original: { ...original, sourcePort: 1, destinationPort: 2 } }),
  ]);
});

test("flushing a published UDP port leaves every other connection", () => {
  using netns = tracked();
  using socket = netns.socket("netfilter");
  const filter = { zone: 0, original: { protocol: 17, dst: "192.0.2.1", destinationPort: 5353 } };
  expect(flushConntrack(socket, filter)).toBe(2);
  expect(shown(netns)).toEqual([4001, 4003, 4005, 4006]);
  expect(flushConntrack(socket, filter)).toBe(0);
});

test("a connection of real packets is seen, with its reply", () => {
  using netns = new ScratchNetns("ct");
  netns.run("ip", "link", "set", "lo", "up");
  netns.run("nft", "add table inet t; add chain inet t c { type filter hook output priority 0; }");
  netns.run("nft", "add rule inet t c ct state established accept");
  netns.run("ping", "-c", "1", "-i", "0.2", "127.0.0.1");
  using socket = netns.socket("netfilter");
  const [entry, ...more] = listConntrack(socket, { original: { protocol: 1 } });
  expect(more).toEqual([]);
  expect(entry).toMatchObject({
    original: { src: "127.0.0.1", dst: "127.0.0.1", icmpType: 8, icmpCode: 0 },
    seenReply: true,
  });
});

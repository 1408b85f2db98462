/** A DHCPv6 client's sockets in a namespace: what passes their filter, and what they send. */
import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { openSocketIn } from "../../kernel/netns/netns.ts";
import { ScratchNetns } from "../../kernel/netns/scratch.ts";
import { strayThreads } from "../../kernel/netns/stray-threads.ts";
import { closeSync } from "../../kernel/sys/files.ts";
import { packetSocket, sendFrame } from "../../kernel/sys/packet.ts";
import type { ClientLink } from "../protocol.ts";
import { icmpFrame, readFrame } from "./frame.ts";
import { encodeMessage } from "./message.ts";
import { duplicateProbe, routerSolicitation } from "./neighbours.ts";
import { option } from "./options.ts";
import { claimFrame, otherMac, routerFrame, serverFrame } from "./server-fixture.ts";
import { V6Transport } from "./transport.ts";

let client: ScratchNetns;
let server: ScratchNetns;
let link: ClientLink;
let wire: number;
let wireIndex: number;

/** Threads that other tests of this process left where they were born. */
let strangers: ReadonlySet<number>;
beforeAll(() => {
  strangers = new Set(strayThreads().map(({ tid }) => tid));
});

beforeEach(() => {
  client = new ScratchNetns("client");
  server = new ScratchNetns("server");
  const pair = "ip link add eth0 type veth peer name srv netns";
  client.run(...pair.split(" "), server.name);
  server.run("ip", "link", "set", "srv", "up");
  client.run("ip", "link", "set", "eth0", "up");
  const [eth0] = client.json("ip", "-j", "link", "show", "eth0");
  const [srv] = server.json("ip", "-j", "link", "show", "srv");
  link = { netns: client.path, name: "eth0", index: eth0.ifindex, mac: eth0.address };
  wireIndex = srv.ifindex;
  wire = openSocketIn(server.path, packetSocket);
});

afterEach(() => {
  closeSync(wire);
  client[Symbol.dispose]();
  server[Symbol.dispose]();
  expect(strayThreads().filter(({ tid }) => !strangers.has(tid))).toEqual([]);
});

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition() && performance.now() < end) await Bun.sleep(2);
  expect(condition()).toBe(true);
}

const solicit = encodeMessage({
  type: "SOLICIT",
  transactionId: 0xabcdef,
  options: [option("clientId", Uint8Array.of(0, 4, ...new Array(16).fill(7)))],
});

/** What tcpdump prints of the server's link until the block is left. */
async function capture(filter: string) {
  const lines: string[] = [];
  const command = ["nsenter", `--net=${server.path}`, "tcpdump", "-lnei", "srv", "-vv", filter];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  await child.stderr.getReader().read();
  void (async () => {
    for await (const chunk of child.stdout) {
      lines.push(...new TextDecoder().decode(chunk).split("\n").filter(Boolean));
    }
  })();
  return {
    lines,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

test("servers, neighbours and routers are heard, each frame for itself, and nobody else", async () => {
  const got: Uint8Array[] = [];
  using _transport = new V6Transport(link, (frame) => got.push(frame.slice()));
  const answer = serverFrame(new Uint8Array(50).fill(7));
  const padded = new Uint8Array(answer.length + 30);
  padded.set(answer);
  const lying = answer.slice();
  lying[18] = 0x7f;
  const request = Uint8Array.of(128, 0, 0, 0, 0, 0, 0, 0);
  const wanted = [claimFrame("2001:db8::9"), routerFrame(), answer, answer];
  const passedOver = [
    serverFrame(new Uint8Array(50), 547),
    lying,
    answer.with(20, 6),
    answer.with(12, 8).with(13, 0),
    icmpFrame({ mac: otherMac, from: "fe80::7", group: "ff02::1", message: request }),
    routerSolicitation(otherMac),
  ];
  for (const frame of [...passedOver, ...wanted.slice(0, 3), ...passedOver, padded]) {
    sendFrame(wire, wireIndex, frame);
  }
  const ours = () => got.filter((frame) => !isKernels(frame));
  await until(() => ours().length >= wanted.length);
  await Bun.sleep(20);
  expect(ours()).toEqual(wanted);
});

/** The other end's kernel looks for duplicates of its own address meanwhile. */
function isKernels(frame: Uint8Array): boolean {
  const received = readFrame(frame);
  return received?.kind === "icmp" && received.mac !== otherMac;
}

test("a message waits for the link's own address, and then goes to all servers", async () => {
  await using seen = await capture("udp port 547");
  using transport = new V6Transport(link, () => {});
  const isTentative = client.run("ip", "-6", "addr", "show", "tentative").includes("fe80:");
  transport.send({ kind: "datagram", to: "ff02::1:2", payload: solicit });
  await until(() => seen.lines.some((line) => line.includes("solicit")));
  const text = seen.lines.join("\n");
  expect(isTentative).toBe(true);
  expect(text).toMatch(/> 33:33:00:01:00:02/);
  expect(text).toMatch(/fe80::\S+\.546 > ff02::1:2\.547/);
  expect(text).toContain("dhcp6 solicit (xid=abcdef (client-ID type 4)");
});

test("a message that was overtaken by another is never sent", async () => {
  await using seen = await capture("udp port 547");
  using transport = new V6Transport(link, () => {});
  transport.send({ kind: "datagram", to: "ff02::1:2", payload: solicit });
  transport.send({ kind: "datagram", to: "ff02::1:2", payload: solicit.with(0, 6) });
  await until(() => seen.lines.some((line) => line.includes("dhcp6")));
  expect(seen.lines.join("\n")).toContain("dhcp6 rebind");
  expect(seen.lines.join("\n")).not.toContain("dhcp6 solicit");
});

test("probes and solicitations are what other programs take them for", async () => {
  await using seen = await capture("icmp6");
  using transport = new V6Transport(link, () => {});
  const address = "2001:db8::12:3456";
  transport.send({ kind: "probe", frame: duplicateProbe(link.mac, address), address });
  transport.send({ kind: "frame", frame: routerSolicitation(link.mac) });
  await until(() => seen.lines.some((line) => /:: > ff02::2: .*router solicitation/.test(line)));
  expect(seen.lines.join("\n")).toMatch(
    /:: > ff02::1:ff12:3456: \[icmp6 sum ok\] ICMP6, neighbor solicitation, length 24, who has 2001:db8::12:3456/,
  );
  expect(client.run("ip", "maddr", "show", "dev", "eth0")).toContain("33:33:ff:12:34:56");
});

test("two links of one namespace have their clients side by side", () => {
  client.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "srv1");
  const [eth1] = client.json("ip", "-j", "link", "show", "eth1");
  const second = { ...link, name: "eth1", index: eth1.ifindex, mac: eth1.address };
  using _one = new V6Transport(link, () => {});
  using _two = new V6Transport(second, () => {});
  expect(() => new V6Transport(link, () => {})).toThrow("EADDRINUSE");
});

test("a link that is down says so", () => {
  using transport = new V6Transport(link, () => {});
  client.run("ip", "link", "set", "eth0", "down");
  const frame = routerSolicitation(link.mac);
  expect(() => transport.send({ kind: "frame", frame })).toThrow("ENETDOWN");
});

test("opening and closing hundreds of times leaves no descriptor open", async () => {
  const open = () => [...new Bun.Glob("*").scanSync({ cwd: "/proc/self/fd", onlyFiles: false })];
  const before = open().length;
  for (let i = 0; i < 300; i++) {
    using transport = new V6Transport(link, () => {});
    transport.send({ kind: "datagram", to: "ff02::1:2", payload: solicit });
  }
  await until(() => open().length <= before + 2);
});

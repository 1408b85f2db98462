/** A DHCPv4 client's sockets in a namespace: what passes their filters, and what they send. */
import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { openSocketIn } from "../../kernel/netns/netns.ts";
import { ScratchNetns } from "../../kernel/netns/scratch.ts";
import { strayThreads } from "../../kernel/netns/stray-threads.ts";
import { closeSync } from "../../kernel/sys/files.ts";
import { packetSocket, sendFrame } from "../../kernel/sys/packet.ts";
import type { ClientLink } from "../protocol.ts";
import { arpFrame, arpProbe, dhcpFrame, readArpFrame, readDhcpFrame } from "./frame.ts";
import { encodeMessage } from "./message.ts";
import { answerTo, messageIn, serverFrame } from "./server-fixture.ts";
import { V4Transport } from "./transport.ts";

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
  client.run(
    "ip",
    "link",
    "add",
    "eth0",
    "type",
    "veth",
    "peer",
    "name",
    "srv",
    "netns",
    server.name,
  );
  client.run("ip", "link", "set", "eth0", "up");
  server.run("ip", "link", "set", "srv", "up");
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

const question = {
  op: "request",
  type: "DISCOVER",
  xid: 7,
  secs: 0,
  broadcast: false,
  ciaddr: "0.0.0.0",
  yiaddr: "0.0.0.0",
  giaddr: "0.0.0.0",
  chaddr: "02:00:00:00:00:01",
  options: new Map(),
} as const;

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition() && performance.now() < end) await Bun.sleep(2);
  expect(condition()).toBe(true);
}

test("answers come in whole and one by one, padded or not, and nothing else does", async () => {
  const got: Uint8Array[] = [];
  using _transport = new V4Transport(link, (frame) => got.push(frame.slice()));
  const offer = answerTo(question, "OFFER");
  const padded = new Uint8Array(offer.length + 30);
  padded.set(offer);
  const toServer = dhcpFrame("02:00:00:00:00:99", encodeMessage(question));
  const fragment = offer.slice();
  fragment[20] = 0x20;
  const lying = offer.slice();
  lying[16] = 0x7f;
  const short = serverFrame(new Uint8Array(100));
  const ipv6 = new Uint8Array(300).fill(0x86, 12, 13).fill(0xdd, 13, 14);
  const own = arpProbe("02:00:00:00:00:99", "10.0.0.50");
  for (const frame of [toServer, fragment, lying, short, ipv6, own, padded, offer]) {
    sendFrame(wire, wireIndex, frame);
  }
  await until(() => got.length >= 2);
  await Bun.sleep(20);
  expect(got).toEqual([offer, offer]);
  expect(readDhcpFrame(got[0]!)?.from).toBe("10.0.0.1");
});

test("while an address is probed, ARP about it comes in, and no other", async () => {
  const got: Uint8Array[] = [];
  using transport = new V4Transport(link, (frame) => got.push(frame.slice()));
  const talk = (senderIp: string, targetIp: string) =>
    arpFrame({ op: "request", senderMac: "02:00:00:00:00:77", senderIp, targetIp });
  sendFrame(wire, wireIndex, talk("10.0.0.50", "10.0.0.1"));
  const frame = arpProbe(link.mac, "10.0.0.50");
  transport.send({ kind: "probe", frame, address: "10.0.0.50" });
  const padded = new Uint8Array(60);
  padded.set(talk("10.0.0.50", "10.0.0.1"));
  for (const each of [talk("10.0.0.7", "10.0.0.8"), padded, talk("0.0.0.0", "10.0.0.50")]) {
    sendFrame(wire, wireIndex, each);
  }
  await until(() => got.length >= 2);
  expect(got.map((each) => readArpFrame(each)?.senderIp)).toEqual(["10.0.0.50", "0.0.0.0"]);
  transport.send({ kind: "frame", frame: dhcpFrame(link.mac, encodeMessage(question)) });
  sendFrame(wire, wireIndex, padded);
  await Bun.sleep(20);
  expect(got.length).toBe(2);
});

test("what is sent reaches the server: a broadcast without an address, a datagram with one", async () => {
  client.run("ip", "addr", "add", "10.0.0.50/24", "dev", "eth0");
  server.run("ip", "addr", "add", "10.0.0.1/24", "dev", "srv");
  const lines: string[] = [];
  const listener = Bun.spawn(
    ["nsenter", `--net=${server.path}`, "tcpdump", "-lnei", "srv", "udp port 67"],
    { stdout: "pipe", stderr: "pipe" },
  );
  const ready = listener.stderr.getReader();
  await ready.read();
  void (async () => {
    for await (const chunk of listener.stdout) {
      lines.push(...new TextDecoder().decode(chunk).split("\n").filter(Boolean));
    }
  })();
  using transport = new V4Transport(link, () => {});
  const sent = { kind: "frame", frame: dhcpFrame(link.mac, encodeMessage(question)) } as const;
  expect(messageIn(sent).type).toBe("DISCOVER");
  transport.send(sent);
  const payload = encodeMessage({ ...question, type: "REQUEST", ciaddr: "10.0.0.50" });
  transport.send({ kind: "datagram", from: "10.0.0.50", to: "10.0.0.1", payload });
  await until(() => lines.some((line) => line.includes("10.0.0.50.68 > 10.0.0.1.67")));
  expect(lines.join("\n")).toMatch(
    /> ff:ff:ff:ff:ff:ff, .* 0\.0\.0\.0\.68 > 255\.255\.255\.255\.67: BOOTP\/DHCP, Request/,
  );
  listener.kill();
  await listener.exited;
});

test("a link that is down says so; without its address a datagram goes to all hardware", async () => {
  // A namespace without any address lets a socket have every one.
  client.run("ip", "addr", "add", "10.0.0.9/24", "dev", "eth0");
  using transport = new V4Transport(link, () => {});
  const seen = Bun.spawn(
    ["nsenter", `--net=${server.path}`, "tcpdump", "-c1", "-lnei", "srv", "udp"],
    {
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  await seen.stderr.getReader().read();
  const datagram = { kind: "datagram", from: "10.0.0.50", to: "10.0.0.1" } as const;
  transport.send({ ...datagram, payload: encodeMessage(question) });
  expect(await new Response(seen.stdout).text()).toMatch(
    /> ff:ff:ff:ff:ff:ff, .* 10\.0\.0\.50\.68 > 10\.0\.0\.1\.67: BOOTP/,
  );
  client.run("ip", "link", "set", "eth0", "down");
  const frame = dhcpFrame(link.mac, encodeMessage(question));
  expect(() => transport.send({ kind: "frame", frame })).toThrow("ENETDOWN");
});

test("opening and closing hundreds of times leaves no descriptor open", async () => {
  const open = () => [...new Bun.Glob("*").scanSync({ cwd: "/proc/self/fd", onlyFiles: false })];
  const before = open().length;
  for (let i = 0; i < 300; i++) {
    using _transport = new V4Transport(link, () => {});
  }
  await until(() => open().length <= before + 2);
});

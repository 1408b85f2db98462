/** What is said to the daemon's socket, and by whom: nothing wrong harms it or those it serves. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { type Beside, DhcpStage, isRunning, macvlan, netnsPath, prefix, until } from "./stage.ts";

let stage: DhcpStage;
let daemon: Beside;
let container: string;

beforeAll(async () => {
  stage = await DhcpStage.create();
  const netns = await stage.addOther(`${prefix}.1/24`);
  const pool = [`${prefix}.50`, `${prefix}.51`];
  await stage.server(netns, { server: `${prefix}.1`, pool });
  daemon = await stage.daemon("--resendtimeout", "1s");
  container = await stage.host.addContainer();
  expect((await stage.call("ADD", container, macvlan())).ok).toBe(true);
}, 60_000);
afterAll(() => stage?.host.remove());

/** Sends bytes, and gives what comes back until the other side closes. */
async function told(bytes: string | Uint8Array): Promise<string> {
  let text = "";
  const closed = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    unix: stage.socket,
    socket: {
      data(_, data) {
        text += data.toString();
      },
      close: () => closed.resolve(),
      error: () => closed.resolve(),
    },
  });
  const all = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  for (let sent = 0; sent < all.length; ) {
    const count = socket.write(all.subarray(sent));
    if (count < 0) break;
    sent += count;
    if (count === 0) await Bun.sleep(1);
  }
  const late = Bun.sleep(15_000);
  await Promise.race([closed.promise, late]);
  socket.end();
  return text;
}

const holder = { containerId: "c", ifName: "eth0", network: "lan" };
const v4 = { request: [1], provide: [], conflictDetection: "off" };
const acquire = (more: object = {}) => ({
  verb: "acquire",
  holder,
  netns: "/run/netns/none",
  order: { clientId: "0061", v4 },
  ...more,
});

const wrong: [string, unknown, string][] = [
  ["nothing", "\n", "Cannot read the call"],
  ["no JSON", "hello\n", "Cannot read the call"],
  [
    "HTTP, as the reference's plugin speaks",
    "CONNECT /_goRPC_ HTTP/1.0\n\n",
    "Cannot read the call",
  ],
  ["binary noise", "\0\xff\x01\n", "Cannot read the call"],
  ["a number", "5\n", "must be an object"],
  ["a list", "[]\n", "must be an object"],
  ["no verb", {}, "verb"],
  ["an unknown verb", { verb: "shutdown" }, "verb: must be one of"],
  ["a verb of objects' own", { verb: "constructor" }, "verb: must be one of"],
  ["an acquire of nothing", { verb: "acquire" }, "holder"],
  [
    "a holder that leads out of the folder",
    acquire({ holder: { ...holder, containerId: "../../x" } }),
    "containerId",
  ],
  ["a link's name with a slash", acquire({ holder: { ...holder, ifName: "../eth0" } }), "ifName"],
  ["a namespace's relative path", acquire({ netns: "netns/c" }), "netns: must be an absolute path"],
  ["a namespace that is none", acquire({ netns: "/etc/passwd" }), "/etc/passwd"],
  ["a namespace that is not there", acquire(), "no such namespace"],
  [
    "an identifier that is no hexadecimal",
    acquire({ order: { clientId: "xyz", v4 } }),
    "order.clientId",
  ],
  [
    "an identifier beyond an option",
    acquire({ order: { clientId: "00".repeat(256), v4 } }),
    "order.clientId",
  ],
  ["an order of no family", acquire({ order: { clientId: "00" } }), "order"],
  [
    "an option 0",
    acquire({ order: { clientId: "00", v4: { ...v4, request: [0] } } }),
    "order.v4.request[0]",
  ],
  [
    "an option as text",
    acquire({ order: { clientId: "00", v4: { ...v4, request: ["1"] } } }),
    "order.v4.request[0]",
  ],
  [
    "a value that is no hexadecimal",
    acquire({ order: { clientId: "00", v4: { ...v4, provide: [{ code: 12, value: "é" }] } } }),
    "order.v4.provide[0].value",
  ],
  ["addresses to keep that are none", acquire({ keep: ["here"] }), "keep[0]"],
  ["a collection of no network", { verb: "collect", valid: [] }, "network"],
  ["a release of nobody", { verb: "release", holder: {} }, "holder.containerId"],
];

describe("refused in words, and the daemon goes on", () => {
  for (const [name, call, says] of wrong) {
    test(name, async () => {
      const text = await told(typeof call === "string" ? call : `${JSON.stringify(call)}\n`);
      const answer = JSON.parse(text);
      expect(answer.ok).toBe(false);
      expect(answer.error.message).toContain(says);
      expect(isRunning(daemon.pid)).toBe(true);
    });
  }

  test("the host's own namespace has no link to ask on", async () => {
    const netns = netnsPath(stage.host.netns);
    const text = await told(`${JSON.stringify(acquire({ netns }))}\n`);
    expect(JSON.parse(text).error.message).toContain("no such link");
  });

  test("a line without an end, a megabyte long", async () => {
    const text = await told("x".repeat(1_200_000));
    expect(text).toContain("at most");
  });

  test("a document that nests a hundred thousand levels deep", async () => {
    const text = await told(`${"[".repeat(100_000)}\n`);
    expect(JSON.parse(text).ok).toBe(false);
  });

  test("who says nothing is cut off, and holds up nobody meanwhile", async () => {
    const silent = told("");
    const halves = told('{"verb":');
    expect(await stage.leases()).toHaveLength(1);
    expect(await silent).toBe("");
    expect(await halves).toBe("");
  }, 30_000);
});

test("two hundred callers at once are all answered", async () => {
  const calls = Array.from({ length: 200 }, () => told('{"verb":"list"}\n'));
  for (const text of await Promise.all(calls)) expect(JSON.parse(text).leases).toHaveLength(1);
}, 60_000);

test("who is not root may not ask", async () => {
  expect(statSync(stage.socket).mode & 0o777).toBe(0o600);
  // Even where an outside hand opened the socket for all.
  const script = `import socket,os
os.chdir("${stage.host.dir}/run"); os.setgid(65534); os.setuid(65534)
s=socket.socket(socket.AF_UNIX); s.connect("dhcp.sock")
# It may be cut off before it asks.
try:
  s.sendall(b'{"verb":"list"}\\n')
  print("got", s.recv(100))
except ConnectionError: print("got b''")`;
  await stage.host.shell(
    `chmod 755 ${stage.host.dir} ${stage.host.dir}/run; chmod 666 ${stage.socket}`,
  );
  const asked = stage.run(["python3", "-c", script], stage.host.netns);
  expect(await asked.exited()).toBe(0);
  await until("its word", () => asked.text.includes("got"));
  expect(asked.text.trim()).toBe("got b''");
});

test("after all that it serves as before", async () => {
  const next = await stage.host.addContainer();
  expect((await stage.call("ADD", next, macvlan())).ok).toBe(true);
  expect(await stage.leases()).toHaveLength(2);
  expect((await stage.call("DEL", container, macvlan())).ok).toBe(true);
  expect((await stage.call("DEL", next, macvlan())).ok).toBe(true);
  expect(await stage.leases()).toEqual([]);
}, 60_000);

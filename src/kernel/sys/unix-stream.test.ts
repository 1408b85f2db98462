/** A client of Unix sockets that blocks: its server is another process. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UnixStream } from "./unix-stream.ts";

const folder = mkdtempSync(join(tmpdir(), "netloom-stream-"));
const path = join(folder, "a.sock");
let server: Bun.Subprocess;

/** Answers a line of text with its length, `hang` never, and `end` by closing at once. */
const program = `
import { createServer } from "node:net";
createServer((socket) => {
  let text = "";
  socket.on("data", (data) => {
    text += data;
    if (!text.endsWith("\\n")) return;
    if (text === "end\\n") return socket.destroy();
    if (text !== "hang\\n") socket.end(text.length + "é".repeat(100_000));
  });
  socket.on("error", () => {});
}).listen(process.argv[1], () => console.log("ready"));
`;

beforeAll(async () => {
  server = Bun.spawn([process.execPath, "-e", program, path], { stdout: "pipe" });
  await (server.stdout as ReadableStream).getReader().read();
});
afterAll(async () => {
  server.kill();
  await server.exited;
  rmSync(folder, { recursive: true });
});

const soon = (ms: number) => performance.now() + ms;
const bytes = (text: string) => new TextEncoder().encode(text);

function readAll(stream: UnixStream): string {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const data = stream.receive(soon(10_000));
    if (!data?.length) return text;
    text += decoder.decode(data, { stream: true });
  }
}

test("more than the kernel keeps goes both ways", () => {
  using stream = UnixStream.connect(path);
  const text = `${"x".repeat(2_000_000)}\n`;
  expect(stream.send(bytes(text), soon(10_000))).toBe(true);
  expect(readAll(stream)).toBe(`2000001${"é".repeat(100_000)}`);
});

test("what does not come is waited for as long as it may be", () => {
  using stream = UnixStream.connect(path);
  expect(stream.send(bytes("hang\n"), soon(1000))).toBe(true);
  const begun = performance.now();
  expect(stream.receive(begun + 50)).toBeUndefined();
  expect(performance.now() - begun).toBeGreaterThanOrEqual(49);
});

test("what is not taken is sent as long as it may be", () => {
  using stream = UnixStream.connect(path);
  process.kill(server.pid, "SIGSTOP");
  try {
    expect(stream.send(new Uint8Array(4_000_000), soon(50))).toBe(false);
  } finally {
    process.kill(server.pid, "SIGCONT");
  }
});

test("the other's end is an end", () => {
  using stream = UnixStream.connect(path);
  stream.send(bytes("end\n"), soon(1000));
  expect(stream.receive(soon(10_000))).toHaveLength(0);
});

test("where nobody listens the error tells why", () => {
  const missing = () => UnixStream.connect(join(folder, "nobody"));
  expect(missing).toThrow("ENOENT");
  expect(() => UnixStream.connect(`/${"x".repeat(108)}`)).toThrow("ENAMETOOLONG");
  const left = join(folder, "left");
  const listen = `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  Bun.spawnSync([process.execPath, "-e", listen, left]);
  expect(() => UnixStream.connect(left)).toThrow("ECONNREFUSED");
});

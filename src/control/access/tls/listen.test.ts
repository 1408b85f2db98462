/** Who holds a connection for nothing is cut off, and new certificates are shown. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { silentLog } from "../../../lib/log.ts";
import type { Answer } from "../../http/serve.ts";
import { makeCertificate } from "./certificate.ts";
import { listenOnTls, type TlsListening } from "./listen.ts";
import { TlsError } from "./material.ts";

let folder: string;
let listening: TlsListening | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-tls-"));
});
afterEach(async () => {
  await listening?.close();
  listening = undefined;
  rmSync(folder, { recursive: true });
});

const waits = { lookMs: 50, handshakeMs: 300, beginMs: 300, idleMs: 300, takeMs: 150 };
const names = ["127.0.0.1"];
const now = new Date();
const authority = makeCertificate({ subject: "a", use: "authority", days: 1, now });

/** Files with a certificate of this subject. */
function files(subject: string) {
  const { cert, key } = makeCertificate({ subject, use: "server", names, days: 1, now }, authority);
  const paths = { cert: join(folder, "tls.crt"), key: join(folder, "tls.key") };
  writeFileSync(paths.key, key);
  writeFileSync(paths.cert, cert);
  return paths;
}

async function listen(
  given: object,
  port = 0,
  more: object = {},
  answer: Answer = () => new Response("hello"),
): Promise<number> {
  const settings = { ...more, host: "127.0.0.1", port, stateDir: folder, log: silentLog, waits };
  listening = await listenOnTls({ ...settings, files: given }, answer);
  return listening.port;
}

const options = { host: "127.0.0.1", rejectUnauthorized: false } as const;

/** The subject of the certificate that is shown. */
function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, port }, () => {
      resolve(socket.getPeerCertificate().subject.CN as string);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

test("new files are shown to those who come after", async () => {
  const port = await listen(files("old"));
  expect(await shown(port)).toBe("old");
  files("new");
  while ((await shown(port)) !== "new") await Bun.sleep(50);
});

test("who is silent after the handshake, and who ends no headers, is cut off", async () => {
  const port = await listen(files("s"));
  for (const text of ["", "GET / HTTP/1.1\r\nhost: x\r\n"]) {
    await new Promise<void>((resolve) => {
      const socket = connect({ ...options, port }, () => socket.write(text));
      socket.on("close", () => resolve());
      socket.on("error", () => {});
    });
  }
});

test("who asks and reads nothing is cut off, in HTTP/1.1 and in HTTP/2", async () => {
  let end = () => {};
  const endless = () => {
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(2 ** 18)),
      cancel: () => end(),
    });
    return new Response(body);
  };
  const port = await listen(files("s"), 0, {}, endless);
  const first = new Promise<void>((resolve) => {
    end = resolve;
  });
  const socket = connect({ ...options, port }, () => {
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    socket.pause();
  });
  socket.on("error", () => {});
  await first;
  socket.destroy();
  const second = new Promise<void>((resolve) => {
    end = resolve;
  });
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  const stream = session.request({ ":path": "/" });
  stream.on("error", () => {});
  stream.pause();
  await second;
  session.destroy();
});

test("who begins no handshake is cut off", async () => {
  const port = await listen(files("s"));
  await new Promise<void>((resolve) => {
    const socket = connectTcp({ host: "127.0.0.1", port });
    socket.on("close", () => resolve());
    socket.on("error", () => {});
  });
}, 8000);

test("a peer has so many connections at once, and more once some ended", async () => {
  const port = await listen(files("s"), 0, {
    connectionsOfPeer: 2,
    waits: { ...waits, beginMs: 60_000 },
  });
  const open = () =>
    new Promise<TLSSocket | undefined>((resolve) => {
      const socket = connect({ ...options, port }, () => resolve(socket));
      socket.on("error", () => resolve(undefined));
      socket.on("close", () => resolve(undefined));
    });
  const first = await open();
  expect(first).toBeDefined();
  expect(await open()).toBeDefined();
  expect(await open()).toBeUndefined();
  first!.destroy();
  while ((await open()) === undefined) await Bun.sleep(20);
  expect(await open()).toBeUndefined();
});

test("a certificate without its key, a missing file and a taken port are told of", async () => {
  const { cert, key } = files("s");
  const failing = async (given: object, port?: number) => {
    const error = await listen(given, port).catch((error) => error);
    expect(error).toBeInstanceOf(TlsError);
    return (error as Error).message;
  };
  expect(await failing({ cert })).toContain("go together");
  expect(await failing({ cert: join(folder, "none"), key })).toContain(
    "there is no such file or folder",
  );
  const first = await listen({ cert, key });
  expect(await failing({ cert, key }, first)).toContain(`:${first}: another program listens there`);
});

/** The socket that the API is served on: for whom, and how it ends. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Caller } from "./access.ts";
import { type Listening, listenOnSocket, TakenError } from "./serve.ts";

let folder: string;
let listening: Listening;
let callers: Caller[];
let gone: Promise<void>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "netloom-serve-"));
  callers = [];
  let leave = () => {};
  gone = new Promise((resolve) => {
    leave = resolve;
  });
  listening = await listenOnSocket(folder, (request, { caller }) => {
    callers.push(caller);
    if (!request.url.endsWith("/endless")) return new Response("hello");
    request.signal.addEventListener("abort", leave);
    const body = new ReadableStream({
      start: (controller) => controller.enqueue("begun"),
      cancel: leave,
    });
    return new Response(body);
  });
});
afterEach(async () => {
  await listening.close();
  rmSync(folder, { recursive: true });
});

const get = (path: string, signal?: AbortSignal) =>
  fetch(`http://any${path}`, { unix: join(folder, "api.sock"), signal });

test("only its owner may open the socket, and the kernel tells who did", async () => {
  expect(statSync(join(folder, "api.sock")).mode & 0o777).toBe(0o600);
  expect(await (await get("/")).text()).toBe("hello");
  expect(callers).toEqual([{ uid: process.getuid!() }]);
});

test("a second server of the same folder is refused", async () => {
  const second = listenOnSocket(folder, () => new Response());
  expect(second).rejects.toBeInstanceOf(TakenError);
  await second.catch(() => {});
  expect(await (await get("/")).text()).toBe("hello");
});

test("the server hears of a client that left", async () => {
  const leaves = new AbortController();
  const answer = await get("/endless", leaves.signal);
  await answer.body!.getReader().read();
  leaves.abort();
  await gone;
});

describe("a client that asks and then reads nothing", () => {
  const spanMs = 150;
  let cancelled: number;
  let given: number;
  let asked = 0;
  beforeEach(async () => {
    await listening.close();
    [cancelled, given] = [0, 0];
    const answer = (request: Request) => {
      asked++;
      if (request.url.endsWith("/large")) return new Response("x".repeat(2 ** 23));
      const body = new ReadableStream({
        pull(controller) {
          given += 2 ** 18;
          controller.enqueue(new Uint8Array(2 ** 18));
        },
        cancel: () => void cancelled++,
      });
      return new Response(body);
    };
    listening = await listenOnSocket(folder, answer, { spanMs });
  });

  /** Settles when the server has cut it off. */
  const deaf = (path: string, times = 1) =>
    new Promise<void>((resolve) => {
      const socket = connect(join(folder, "api.sock"));
      socket.on("connect", () => {
        socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(times));
        socket.pause();
      });
      socket.on("error", () => {});
      // A paused socket hears of its end by writing alone.
      const probe = setInterval(() => socket.write("x"), 20);
      socket.on("close", () => {
        clearInterval(probe);
        resolve();
      });
    });

  test("is cut off, be it one or many, and little is made for it", async () => {
    const many = 40;
    await Promise.all(Array.from({ length: many }, () => deaf("/stream")));
    expect(cancelled).toBe(many);
    expect(given / many).toBeLessThan(3 * 2 ** 20);
  });

  test("is cut off where the answer was one text", () => deaf("/large"));

  test("is cut off where it asks on and on, and few answers are made", async () => {
    const before = asked;
    await deaf("/stream", 500);
    expect(asked - before).toBeLessThan(50);
  });

  test("is told from one that pauses and reads on", async () => {
    const reader = (await get("/stream")).body!.getReader();
    for (let spans = 0; spans < 6; spans++) {
      await Bun.sleep(spanMs / 2);
      for (let bytes = 0; bytes < 2 ** 21; ) bytes += (await reader.read()).value!.length;
    }
    await reader.cancel();
  });
});

test("the socket goes with the server, and what is under way is cut off", async () => {
  const answer = await get("/endless");
  const reader = answer.body!.getReader();
  await reader.read();
  const rest = reader.read().then(
    ({ done }) => done,
    () => true,
  );
  await listening.close();
  expect(await rest).toBe(true);
  expect(existsSync(join(folder, "api.sock"))).toBe(false);
});

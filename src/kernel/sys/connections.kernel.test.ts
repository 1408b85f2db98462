/** Connections that lead nowhere: who waits is told at once, and all others go on. */
import { afterAll, expect, test } from "bun:test";
import { endConnections } from "./connections.ts";

const server = Bun.serve({
  hostname: "0.0.0.0",
  port: 0,
  fetch: async (request) => {
    if (new URL(request.url).pathname === "/hangs") await new Promise(() => {});
    return new Response("answered");
  },
});
afterAll(() => server.stop(true));

const ask = (host: string, path: string) => fetch(`http://${host}:${server.port}${path}`);

test("who waits by such a connection is told, and asks anew by another", async () => {
  expect(await (await ask("127.0.0.7", "/")).text()).toBe("answered");
  let isOver = false;
  const waiting = ask("127.0.0.7", "/hangs").catch((error) => error);
  const others = ask("127.0.0.8", "/hangs").finally(() => {
    isOver = true;
  });
  others.catch(() => {});
  await Bun.sleep(100);
  // The ends of this process' server, which are those that have addresses of their own here.
  const asked: string[] = [];
  const ended = endConnections((address) => {
    asked.push(address);
    return address === "127.0.0.7";
  });
  expect(ended.length).toBeGreaterThan(0);
  expect(new Set(ended)).toEqual(new Set(["127.0.0.7"]));
  expect(asked.toSorted()).toEqual([...new Set(asked)].toSorted());
  expect(await waiting).toMatchObject({ code: "ECONNRESET" });
  expect(isOver).toBe(false);
  expect(await (await ask("127.0.0.7", "/")).text()).toBe("answered");
});

test("what listens is left alone", async () => {
  const one = Bun.listen({ hostname: "127.0.0.9", port: 0, socket: { data() {} } });
  try {
    expect(endConnections((address) => address === "127.0.0.9")).toEqual([]);
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = { open: () => resolve(), data() {} };
    const made = await Bun.connect({ hostname: "127.0.0.9", port: one.port, socket });
    await promise;
    made.end();
  } finally {
    one.stop(true);
  }
});

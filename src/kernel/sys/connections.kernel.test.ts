/** Connections that lead nowhere are ended, and all others go on. */
import { afterAll, expect, test } from "bun:test";
import { endConnections } from "./connections.ts";

const server = Bun.serve({
  hostname: "::",
  port: 0,
  idleTimeout: 0,
  fetch: async (request) => {
    if (new URL(request.url).pathname === "/hangs") await new Promise(() => {});
    return new Response("answered");
  },
});
afterAll(() => server.stop(true));

const ask = (host: string, path: string) => fetch(`http://${host}:${server.port}${path}`);

test("such a connection is ended, another goes on, and what is asked anew is answered", async () => {
  // Clients have 127.0.0.1 there, and the server's ends do not.
  expect(await (await ask("127.0.0.7", "/")).text()).toBe("answered");
  ask("127.0.0.7", "/hangs").catch(() => {});
  let isOver = false;
  const others = ask("[::1]", "/hangs").finally(() => {
    isOver = true;
  });
  others.catch(() => {});
  await Bun.sleep(100);
  const asked: string[] = [];
  const ended = endConnections((address) => {
    asked.push(address);
    return address === "127.0.0.1";
  });
  expect(new Set(ended)).toEqual(new Set(["127.0.0.1"]));
  expect(asked.toSorted()).toEqual([...new Set(asked)].toSorted());
  expect(await (await ask("127.0.0.7", "/")).text()).toBe("answered");
  expect(isOver).toBe(false);
});

test("its other end hears of it", async () => {
  const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()];
  const listener = Bun.listen({
    ...{ hostname: "127.0.0.8", port: 0 },
    socket: { open: () => begun.resolve(), data() {}, close: () => over.resolve("closed") },
  });
  try {
    const { port } = listener;
    const own = await Bun.connect({ hostname: "127.0.0.8", port, socket: { data() {} } });
    await begun.promise;
    expect(endConnections((address) => address === "127.0.0.1")).toContain("127.0.0.1");
    expect(await Promise.race([over.promise, Bun.sleep(5000)])).toBe("closed");
    own.end();
  } finally {
    listener.stop(true);
  }
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

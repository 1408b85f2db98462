/** Endpoints: what is fetched for a server of each form, and how failures read. */
import { describe, expect, test } from "bun:test";
import { endpoints, type FetchInit, parseEndpoint } from "./endpoints.ts";
import { type ApiRequest, Servers, UnreachableError } from "./transport.ts";

const get: ApiRequest = { method: "GET", headers: { accept: "a" } };
const credentials = { ca: "CA", cert: "CERT", key: "KEY", token: "secret" };

describe("a server's name", () => {
  test.each([
    ["unix:/a.sock", "unix:/a.sock"],
    ["unix:///a.sock", "unix:/a.sock"],
    ["/a.sock", "unix:/a.sock"],
    ["https://a:7440/", "https://a:7440"],
    ["http://127.0.0.1:80", "http://127.0.0.1:80"],
    ["http://[::1]:80/", "http://[::1]:80"],
  ])("%s is read", (text, read) => expect(parseEndpoint(text)).toBe(read));

  test.each(["", "a", "unix:a.sock", "https://a/b", "http://10.0.0.1:7440", "ftp://a"])(
    "%j is refused: a token would go in the clear, or nowhere",
    (text) => expect(() => parseEndpoint(text)).toThrow(`"${text}" is no server: write unix:/path`),
  );
});

test("each server is asked its own way, and shown who asks", async () => {
  const asked: [string, FetchInit][] = [];
  const fetch = async (url: string, init: FetchInit) => {
    asked.push([url, init]);
    return new Response();
  };
  for (const send of endpoints(["unix:/a.sock", "https://b:1"], { fetch, credentials })) {
    await send("/x", { ...get, method: "PUT", body: "{}" });
  }
  const headers = { accept: "a", authorization: "Bearer secret" };
  expect(asked).toMatchObject([
    ["http://netloom/x", { unix: "/a.sock", method: "PUT", body: "{}", headers }],
    ["https://b:1/x", { tls: { ca: "CA", cert: "CERT", key: "KEY" }, headers }],
  ]);
});

test("failures name the server and what is wrong, and the next server is asked", async () => {
  const codes: Readonly<Record<string, string>> = {
    "unix:/a.sock": "ENOENT",
    "https://b:1": "ConnectionRefused",
    "https://c:1": "SELF_SIGNED_CERT_IN_CHAIN",
  };
  const order = Object.values(codes);
  const fetch = async () => {
    throw Object.assign(new TypeError("no"), { code: order.shift() });
  };
  const send = new Servers(endpoints(Object.keys(codes), { fetch })).send;
  const error = await send("/", { ...get, method: "POST" }).catch((error) => error);
  expect(error).toBeInstanceOf(UnreachableError);
  expect(error.message).toBe(
    "No server answers: unix:/a.sock: there is no such socket; https://b:1: nobody listens; " +
      "https://c:1: its certificate can't be trusted (SELF_SIGNED_CERT_IN_CHAIN): name the right CA",
  );
});

test.each([
  [
    "http://127.0.0.1:1",
    "it broke the connection off without an answer: write https:// where it serves TLS",
  ],
  ["https://a:1", "it broke the connection off without an answer"],
])("a broken connection to %s is told in plain words", async (server, words) => {
  const message = "The socket connection was closed unexpectedly. pass `verbose: true` to fetch()";
  const fetch = async () => {
    throw Object.assign(new TypeError(message), { code: "ECONNRESET" });
  };
  const [send] = endpoints([server], { fetch });
  const error: Error = await send!("/", get).catch((error) => error);
  expect(error.message).toBe(`${server}: ${words}`);
});

/** Never answers, and ends as `fetch` does when its signal fires. */
const hanging = (_: string, { signal }: FetchInit) =>
  new Promise<Response>((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
  );

test("a server that hangs is left for the next one, also where a watch begins", async () => {
  let asked = 0;
  const fetch = (url: string, init: FetchInit) =>
    asked++ === 0 ? hanging(url, init) : Promise.resolve(new Response("ok"));
  for (const lasts of [true, false]) {
    asked = 0;
    const send = new Servers(endpoints(["/a", "/b"], { fetch, timeoutMs: 20 })).send;
    expect(await (await send("/", { ...get, lasts })).text()).toBe("ok");
  }
  const all = new Servers(endpoints(["/a"], { fetch: hanging, timeoutMs: 20 })).send("/", get);
  await expect(all).rejects.toMatchObject({
    isTimeout: true,
    message: "No server answers: unix:/a: it gave no answer within 0.02 s",
  });
});

test("an answer that lasts is not cut off when its beginning came in time", async () => {
  const signals: AbortSignal[] = [];
  const fetch = async (_: string, { signal }: FetchInit) => {
    signals.push(signal);
    return new Response();
  };
  const [send] = endpoints(["/a"], { fetch, timeoutMs: 5 });
  await send!("/", { ...get, lasts: true });
  await send!("/", get);
  await Bun.sleep(30);
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
});

test("who gives up is told of it as it is", async () => {
  const stop = new AbortController();
  const [send] = endpoints(["/a"], { fetch: hanging });
  const asked = send!("/", { ...get, signal: stop.signal });
  stop.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
});

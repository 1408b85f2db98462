/** The client: what it asks for each call, and what it makes of answers. */
import { expect, test } from "bun:test";
import { networkKind } from "../kinds/network.ts";
import { tenantKind } from "../kinds/tenant.ts";
import { ApiError, expired, notFound } from "../status-error.ts";
import { client } from "./client.ts";
import type { ApiRequest } from "./transport.ts";
import { UnreachableError } from "./transport.ts";

interface Asked {
  readonly path: string;
  readonly request: ApiRequest;
}

/** A client whose server gives these answers in turn, and what it was asked. */
function scripted(...answers: readonly (object | Response)[]) {
  const asked: Asked[] = [];
  const left = [...answers];
  const warnings: string[] = [];
  const api = client(
    async (path, request) => {
      asked.push({ path, request });
      const next = left.shift() ?? {};
      return next instanceof Response ? next : new Response(JSON.stringify(next));
    },
    { fieldManager: "test", onWarning: (text) => warnings.push(text) },
  );
  return { api, asked, warnings };
}

const root = "/apis/netloom.dev/v1alpha1";
const blue = { namespace: "a", name: "blue" };
const typed = { apiVersion: "netloom.dev/v1alpha1", kind: "Network" };

type Api = ReturnType<typeof scripted>["api"];
const calls: readonly [string, (api: Api) => Promise<unknown>, string, object?][] = [
  ["get", (api) => api.of(networkKind).get(blue), `GET ${root}/namespaces/a/networks/blue`],
  [
    "list with selectors",
    (api) => api.of(networkKind).list({ labelSelector: "a in (b,c)", limit: 5 }),
    `GET ${root}/networks?labelSelector=a+in+%28b%2Cc%29&limit=5`,
  ],
  [
    "create",
    (api) => api.of(networkKind).create({ metadata: blue, spec: { type: "none" } }),
    `POST ${root}/namespaces/a/networks?fieldManager=test`,
    { ...typed, metadata: blue, spec: { type: "none" } },
  ],
  [
    "merge patch of the status",
    (api) =>
      api.of(networkKind).status.mergePatch(blue, { status: { ports: 1 } }, { dryRun: true }),
    `PATCH ${root}/namespaces/a/networks/blue/status?dryRun=All&fieldManager=test`,
    { status: { ports: 1 } },
  ],
  [
    "apply by force",
    (api) => api.of(networkKind).apply({ metadata: blue }, { fieldManager: "me", force: true }),
    `PATCH ${root}/namespaces/a/networks/blue?force=true&fieldManager=me`,
    { ...typed, metadata: blue },
  ],
  [
    "delete with preconditions",
    (api) =>
      api
        .of(tenantKind)
        .delete(
          { name: "x/../y" },
          { preconditions: { uid: "u" }, propagationPolicy: "Foreground" },
        ),
    `DELETE ${root}/tenants/x%2F..%2Fy`,
    {
      kind: "DeleteOptions",
      apiVersion: "v1",
      preconditions: { uid: "u" },
      propagationPolicy: "Foreground",
    },
  ],
];

for (const [name, call, line, body] of calls) {
  test(`${name}: ${line}`, async () => {
    const { api, asked } = scripted({ metadata: {}, items: [] });
    await call(api);
    const [{ path, request }] = asked as [Asked];
    expect(`${request.method} ${path}`).toBe(line);
    expect(request.body === undefined ? undefined : JSON.parse(request.body)).toEqual(body as any);
  });
}

test("bodies are labelled as what they are", async () => {
  const { api, asked } = scripted();
  const networks = api.of(networkKind);
  await networks.mergePatch(blue, {});
  await networks.apply({ metadata: blue }, { fieldManager: "me" });
  expect(asked.map(({ request }) => request.headers["content-type"])).toEqual([
    "application/merge-patch+json",
    "application/apply-patch+yaml",
  ]);
});

test("all parts of a list come one after the other, their items with kind and version", async () => {
  const item = (name: string) => ({ metadata: { name } });
  const { api, asked } = scripted(
    { metadata: { continue: "next", resourceVersion: "5" }, items: [item("a")] },
    { metadata: { resourceVersion: "5" }, items: [item("b")] },
  );
  const found = await Array.fromAsync(api.of(networkKind).each({ namespace: "a" }));
  expect(found.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
    "Network a",
    "Network b",
  ]);
  expect(asked[1]!.path).toContain("continue=next");
});

test("a refusal is an ApiError with the server's Status, or one made of what came", async () => {
  const { status } = notFound(networkKind, "blue");
  const refused = new Response(JSON.stringify(status), { status: 404 });
  const { api } = scripted(refused, new Response("<html>no", { status: 502 }), new Response("{"));
  const failure = () =>
    api
      .of(networkKind)
      .get(blue)
      .then(
        () => undefined,
        (error: unknown) => (error instanceof ApiError ? error.status : undefined),
      );
  expect(await failure()).toEqual(status);
  expect(await failure()).toMatchObject({
    code: 502,
    message: "The server gave HTTP status 502: <html>no",
  });
  expect(await failure()).toMatchObject({ code: 500 });
});

test("a name or namespace that is missing is told before anything is asked", async () => {
  const { api, asked } = scripted();
  await expect(api.of(networkKind).get({ name: "blue" })).rejects.toThrow("without its namespace");
  await expect(api.of(tenantKind).get({ name: "" })).rejects.toThrow("without its name");
  expect(asked).toEqual([]);
});

test("warnings of the server are told", async () => {
  const warning = '299 - "unknown field \\"spec.x\\"", 299 - "b"';
  const { api, warnings } = scripted(new Response("{}", { headers: { warning } }));
  await api.of(tenantKind).create({ metadata: { name: "t" } });
  expect(warnings).toEqual(['unknown field "spec.x"', "b"]);
});

/** A body of these chunks that ends, or breaks. */
function body(chunks: readonly string[], breaks = false): Response {
  const left = chunks.map((chunk) => new TextEncoder().encode(chunk));
  return new Response(
    new ReadableStream({
      pull(controller) {
        const chunk = left.shift();
        if (chunk) controller.enqueue(chunk);
        else if (breaks) controller.error(new Error("reset"));
        else controller.close();
      },
    }),
  );
}

const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;

test("events come whole however the stream is cut, and a rest is nothing", async () => {
  const text = event("ADDED", { metadata: { name: "é" } }) + event("BOOKMARK", { metadata: {} });
  const { api, asked } = scripted(body([...text, '{"type":"ADD']));
  const found = await Array.fromAsync(api.of(networkKind).watch({ resourceVersion: "7" }));
  expect(found.map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK"]);
  expect(asked[0]!.path).toBe(
    `${root}/networks?watch=true&allowWatchBookmarks=true&resourceVersion=7`,
  );
});

test("an ERROR event is an ApiError, and a broken stream says that the server is away", async () => {
  const { api } = scripted(
    body([event("ERROR", expired("too old resource version: 1 (5)").status)]),
    body([event("ADDED", { metadata: {} })], true),
  );
  const watch = () => Array.fromAsync(api.of(networkKind).watch());
  await expect(watch()).rejects.toMatchObject({ status: { code: 410, reason: "Expired" } });
  await expect(watch()).rejects.toThrow(UnreachableError);
});

test("a watch that goes silent is broken, and its server is passed over", async () => {
  const asked: string[] = [];
  const server =
    (name: string) =>
    async (_: string, { signal }: ApiRequest) => {
      asked.push(name);
      const never = new ReadableStream({
        start: (controller) =>
          signal?.addEventListener("abort", () => controller.error(signal.reason), { once: true }),
      });
      return new Response(name === "mute" ? never : "{}");
    };
  const api = client([server("mute"), server("other")], { silenceMs: 20 });
  let isOpen = false;
  const watching = api.of(networkKind).watch({
    onOpen: () => {
      isOpen = true;
    },
  });
  await expect(Array.fromAsync(watching)).rejects.toThrow("silent for 0.02 s");
  expect(isOpen).toBe(true);
  await api.json("/");
  expect(asked).toEqual(["mute", "other"]);
});

test("one that is not there is undefined to who looks for it, other failures are failures", async () => {
  const refusal = (status: number) => Response.json({ kind: "Status", code: status }, { status });
  const { api } = scripted(refusal(404), refusal(403));
  expect(await api.of(tenantKind).find({ name: "t" })).toBeUndefined();
  await expect(api.of(tenantKind).find({ name: "t" })).rejects.toMatchObject({ code: 403 });
});

test("the node spec is a stream of several kinds", async () => {
  const { api, asked } = scripted(body([event("ADDED", { kind: "Port", metadata: {} })]));
  const [first] = await Array.fromAsync(api.nodeSpec("n1", { resourceVersion: "3" }));
  expect(first!.object.kind).toBe("Port");
  expect(asked[0]!.path).toStartWith(`${root}/hosts/n1/nodespec?watch=true&resourceVersion=3`);
});

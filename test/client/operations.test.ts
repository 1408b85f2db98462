/**
 * The client library and the OpenAPI document agree: every operation of the document, with each of
 * its parameters, bodies and answers, is driven by the library against a server, and what is said
 * fits the document's schemas. What the server serves beside the document is a failure too.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { client } from "../../src/api/client/client.ts";
import { kinds } from "../../src/api/kinds/index.ts";
import { ipBlockKind } from "../../src/api/kinds/ip-block.ts";
import { networkKind } from "../../src/api/kinds/network.ts";
import { portKind } from "../../src/api/kinds/port.ts";
import { subnetKind } from "../../src/api/kinds/subnet.ts";
import { createApp } from "../../src/control/http/app.ts";
import { ControlPlane } from "../store/control-plane.ts";
import { ApiDocument, contentOf, type DocumentedOperation, differences } from "./api-document.ts";
import { Drive } from "./drive.ts";
import { Recorder } from "./recorder.ts";

const plane = new ControlPlane();
const recorder = new Recorder(`${plane.dir}/run/api.sock`);
const api = client(recorder.transport, { fieldManager: "driver" });
let document: ApiDocument;

beforeAll(async () => {
  await plane.start();
  document = await ApiDocument.of(plane.client);
  const namespace = "drive";
  const { client } = plane;
  await client.json("/api/v1/namespaces", {
    method: "POST",
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
  });
  const metadata = { namespace, name: "base" };
  await client.of(networkKind).create({ metadata, spec: { type: "bridge" } });
  await client.of(subnetKind).create({ metadata, spec: { network: "base", cidr: "10.49.0.0/24" } });
  await client.of(portKind).create({ metadata, spec: { network: "base" } });
});

afterAll(() => plane.remove());

for (const kind of kinds.filter(({ managed }) => !managed)) {
  test(`all that can be done with ${kind.plural} is done`, () =>
    new Drive(api, kind, "drive").whole());
}

test("what only the server makes is read, and its status told by who holds it", async () => {
  // The control plane takes an address of a block for a port without a host.
  const found = async () => (await plane.client.of(ipBlockKind).list()).items[0];
  let block = await found();
  for (; !block; block = await found()) await Bun.sleep(20);
  const drive = new Drive(api, ipBlockKind, "drive");
  await drive.lists();
  const { name } = block.metadata;
  await drive.reads({ name });
  await drive.status({ name }, {});
});

test("a host's node spec is watched, whole and from a version", async () => {
  const watching = { timeoutSeconds: 1 };
  const events = await Array.fromAsync(api.nodeSpec("driver", watching));
  expect(events.map(({ object }) => object.kind)).toContain("Network");
  const { resourceVersion } = events.at(-1)!.object.metadata;
  await Array.fromAsync(api.nodeSpec("driver", { ...watching, resourceVersion }));
  const bare = api.json("/apis/netloom.dev/v1alpha1/hosts/driver/nodespec");
  await expect(bare).rejects.toMatchObject({ code: 405 });
});

test("what is beside objects is read in each of its forms, and reviews are answered", async () => {
  const beside = document.operations.filter(({ action }) => action === undefined);
  for (const { path, method, responses } of beside) {
    expect(method).toBe("get");
    for (const accept of Object.keys(responses[200].content)) {
      await (await api.raw(path.replace("{document}", "api/v1"), { accept })).text();
    }
  }
  const verb = { verb: "get", group: "netloom.dev", resource: "networks", namespace: "drive" };
  const specs: Readonly<Record<string, readonly object[]>> = {
    selfsubjectaccessreviews: [
      { resourceAttributes: verb },
      { nonResourceAttributes: { path: "/version", verb: "get" } },
    ],
    selfsubjectrulesreviews: [{ namespace: "drive" }],
    selfsubjectreviews: [{}],
  };
  for (const { path, request } of document.operations.filter(isReview)) {
    const [name = "", , group] = path.split("/").toReversed();
    const { $ref } = request["application/json"].schema;
    const typed = { apiVersion: `${group}/v1`, kind: $ref.split(".").at(-1) };
    for (const spec of specs[name]!) {
      await api.json(path, { method: "POST", body: { ...typed, spec } });
    }
    const wrong = api.json(path, { method: "POST", body: { ...typed, kind: "Other" } });
    await expect(wrong).rejects.toMatchObject({ code: 400 });
  }
});

const isReview = ({ path }: DocumentedOperation) => path.includes(".k8s.io/v1/");

test("all that was said is as the document says", () => {
  const wrong = recorder.exchanges.flatMap((exchange) => {
    const operation = document.find(exchange.method, exchange.path);
    if (!operation) return [`${exchange.method} ${exchange.path} is not in the document`];
    return differences(operation, exchange);
  });
  expect([...new Set(wrong)]).toEqual([]);
  expect(recorder.exchanges.length).toBeGreaterThan(300);
});

test("nothing that the document says is left out", () => {
  const said = new Map<string, Set<string>>();
  for (const exchange of recorder.exchanges) {
    const operation = document.find(exchange.method, exchange.path);
    if (!operation) continue;
    const found = said.get(operation.line) ?? new Set();
    for (const name of exchange.query.keys()) found.add(`?${name}`);
    if (exchange.requestType !== undefined) found.add(`sends ${exchange.requestType}`);
    const code = operation.responses[exchange.status] ? exchange.status : "default";
    found.add(`answers ${code} ${contentOf(operation, exchange)}`);
    said.set(operation.line, found);
  }
  const missing = document.operations.flatMap((operation) =>
    saidOf(operation)
      .filter((what) => !said.get(operation.line)?.has(what))
      .map((what) => `${operation.line} ${what}`),
  );
  expect(missing).toEqual([]);
});

/** All that the document says of an operation. */
function saidOf({ action, parameters, request, responses }: DocumentedOperation): string[] {
  const answers = Object.entries<any>(responses)
    // Health and discovery don't fail while the server is well.
    .filter(([code]) => action !== undefined || code !== "default")
    .flatMap(([code, { content }]) =>
      Object.keys(content).map((type) => `answers ${code} ${type}`),
    );
  return [
    ...parameters.filter((each) => each.in === "query").map(({ name }) => `?${name}`),
    ...Object.keys(request).map((type) => `sends ${type}`),
    ...answers,
  ];
}

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

test("the server serves no route beside those of the document", async () => {
  const routes = createApp({} as never).routes.map(({ path }) => path);
  const open = routes.filter((path) => path.includes("*"));
  expect([...new Set(open)].sort()).toEqual(["/*", "/api/*", "/apis/*", "/openapi/*"]);
  const exact = routes.filter((path) => !path.includes("*"));
  const documented = [...new Set(document.operations.map(({ path }) => path))];
  const named = documented.map((path) =>
    path.replace("{namespace}", "drive").replace("{name}", "base").replace("{document}", "api/v1"),
  );
  const parts = ["status", "nodespec", "scale", "ephemeral", "base", "base/status"];
  const prefixes = named.flatMap((path) =>
    path.split("/").map((_, at, all) => all.slice(0, at + 1).join("/") || "/"),
  );
  const paths = new Set([
    ...[...exact, ...named, ...prefixes],
    ...named.flatMap((path) => parts.map((part) => `${path}/${part}`)),
    ...["/metrics", "/debug", "/openapi/v2", "/swagger.json", "/logs", "/nodespec"],
  ]);
  const served: string[] = [];
  for (const path of paths) {
    for (const method of methods.filter((each) => !document.find(each, path))) {
      // Some of what is got may only be watched.
      const asked = method === "GET" ? { query: { watch: true, timeoutSeconds: 1 } } : { body: {} };
      const answer = await plane.client.raw(path, { method, ...asked });
      await answer.body?.cancel();
      // To root, who may do all, 403 says that it is nobody's to do.
      if (![403, 404, 405].includes(answer.status))
        served.push(`${method} ${path}: ${answer.status}`);
    }
  }
  expect(served).toEqual([]);
});

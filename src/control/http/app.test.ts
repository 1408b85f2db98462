/** The API as its clients see it, without sockets. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { StoreUnavailableError } from "../store/store.ts";
import { network, networks, root, TestApi } from "./app-fixture.ts";

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.make();
});
afterEach(() => api.close());

const call: TestApi["call"] = (...request) => api.call(...request);

describe("an object", () => {
  test("is created, read, listed, replaced, patched and deleted", async () => {
    const made = await call("POST", networks, network("blue"));
    expect(made).toMatchObject({ code: 201, body: { metadata: { namespace: "default" } } });
    expect((await call("GET", `${networks}/blue`)).body).toEqual(made.body);
    const listed = await call("GET", `${root}/networks`);
    expect(listed.body).toMatchObject({ kind: "NetworkList", items: [made.body] });
    const spec = { ...made.body.spec, mtu: 1400 };
    const replaced = await call("PUT", `${networks}/blue`, { ...made.body, spec });
    expect(replaced).toMatchObject({ code: 200, body: { metadata: { generation: 2 } } });
    const patched = await call(
      "PATCH",
      `${networks}/blue`,
      { metadata: { labels: { a: "b" } }, spec: { mtu: null } },
      { headers: { "content-type": "application/merge-patch+json" } },
    );
    expect(patched.body).toMatchObject({ metadata: { labels: { a: "b" } }, spec: { mtu: 0 } });
    const gone = await call("DELETE", `${networks}/blue`);
    expect(gone).toMatchObject({ code: 200, body: { kind: "Status", status: "Success" } });
    expect((await call("GET", `${networks}/blue`)).code).toBe(404);
  });

  test("is applied from YAML, and fields of others are not taken without force", async () => {
    const yaml = (mtu: number) =>
      `apiVersion: netloom.dev/v1alpha1\nkind: Network\nmetadata: {name: blue}\nspec: {type: bridge, mtu: ${mtu}}\n`;
    const apply = (mtu: number, manager: string, more = "") =>
      call("PATCH", `${networks}/blue?fieldManager=${manager}${more}`, yaml(mtu), {
        headers: { "content-type": "application/apply-patch+yaml" },
      });
    const made = await apply(1400, "a");
    expect(made.code).toBe(201);
    expect(made.body.metadata.managedFields).toMatchObject([{ manager: "a", operation: "Apply" }]);
    const again = await apply(1400, "a");
    expect(again).toMatchObject({ code: 200 });
    expect(again.body).toEqual(made.body);
    const refused = await apply(1500, "b");
    expect(refused).toMatchObject({ code: 409, body: { reason: "Conflict" } });
    expect(refused.body.details.causes).toMatchObject([
      { reason: "FieldManagerConflict", field: ".spec.mtu" },
    ]);
    expect((await apply(1500, "b", "&force=true")).body.spec.mtu).toBe(1500);
  });
});

const subnets = networks.replace(/networks$/, "subnets");
const hugeBlock = {
  apiVersion: "netloom.dev/v1alpha1",
  kind: "Subnet",
  metadata: { name: "a" },
  spec: { network: "a", cidr: "fd00::/100", blockSize: 100 },
};

/** [what, method, path, body, code, reason] */
const refusals: [string, string, string, unknown, number, string][] = [
  ["no such path", "GET", "/nothing", undefined, 404, "NotFound"],
  ["no such resource", "GET", `${root}/things`, undefined, 404, "NotFound"],
  ["no such object", "GET", `${networks}/red`, undefined, 404, "NotFound"],
  ["no such namespace", "POST", `${root}/namespaces/x/networks`, network("a"), 404, "NotFound"],
  ["a path that climbs", "GET", `${networks}/..%2f..%2fx`, undefined, 404, "NotFound"],
  ["another kind", "POST", networks, { ...network("a"), kind: "Port" }, 400, "BadRequest"],
  ["no JSON", "POST", networks, "{", 400, "BadRequest"],
  ["too much", "POST", networks, `"${"x".repeat(1 << 20)}"`, 413, "RequestEntityTooLarge"],
  ["a block of all addresses", "POST", subnets, hugeBlock, 422, "Invalid"],
  ["a bad name", "POST", networks, network("A_B"), 422, "Invalid"],
  ["a bad type", "POST", networks, network("a", { type: "x" }), 422, "Invalid"],
  [
    "an unknown field",
    "POST",
    `${networks}?fieldValidation=Strict`,
    network("a", { type: "none", x: 1 }),
    400,
    "BadRequest",
  ],
  ["a method", "PUT", networks, network("a"), 405, "MethodNotAllowed"],
  ["a bad selector", "GET", `${networks}?labelSelector=a%20b`, undefined, 400, "BadRequest"],
  ["a bad limit", "GET", `${networks}?limit=x`, undefined, 400, "BadRequest"],
  ["to make a block", "POST", `${root}/ipblocks`, {}, 403, "Forbidden"],
  ["to remove blocks", "DELETE", `${root}/ipblocks`, undefined, 403, "Forbidden"],
  ["the default namespace", "DELETE", "/api/v1/namespaces/default", undefined, 403, "Forbidden"],
];

describe("a refusal is a Status:", () => {
  for (const [what, method, path, body, code, reason] of refusals) {
    test(what, async () => {
      const answer = await call(method, path, body);
      expect(answer).toMatchObject({ code, body: { kind: "Status", reason, code } });
    });
  }

  test("a small text whose aliases are a huge value", async () => {
    const lines = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`);
    const answer = await call("POST", networks, ["a0: &a0 [x]", ...lines].join("\n"), {
      headers: { "content-type": "application/yaml" },
    });
    expect(answer).toMatchObject({ code: 400, body: { reason: "BadRequest" } });
  });

  test("types of bodies and patches that only built-in kinds have", async () => {
    const of = (method: string, type: string) =>
      call(method, method === "POST" ? networks : `${networks}/a`, "x", {
        headers: { "content-type": type },
      });
    expect((await of("POST", "application/cbor")).code).toBe(415);
    expect((await of("PATCH", "application/strategic-merge-patch+json")).code).toBe(415);
  });

  test("who is nobody, of documents", async () => {
    for (const path of ["/version", "/apis", "/openapi/v3", root]) {
      const { code, body } = await call("GET", path, undefined, { uid: 1000 });
      expect([code, body.message]).toEqual([
        403,
        `forbidden: User "system:anonymous" cannot get path "${path}"`,
      ]);
    }
  });

  test("a store that is gone, without a word of what the server knows", async () => {
    await call("POST", networks, network("blue"));
    const { store } = api;
    const { get } = store;
    store.get = () => Promise.reject(new StoreUnavailableError("it is gone"));
    expect((await call("GET", `${networks}/blue`)).body).toMatchObject({
      reason: "ServiceUnavailable",
      code: 503,
    });
    store.get = () => Promise.reject(new Error("secret"));
    const { code, body } = await call("GET", `${networks}/blue`);
    expect([code, JSON.stringify(body).includes("secret")]).toEqual([500, false]);
    store.get = get;
  });

  test("who is nobody", async () => {
    const { code, body } = await call("GET", networks, undefined, { uid: 1000 });
    expect({ code, message: body.message }).toEqual({
      code: 403,
      message:
        'networks.netloom.dev is forbidden: User "system:anonymous" cannot list resource ' +
        '"networks" in API group "netloom.dev" in the namespace "default": only root may do this',
    });
  });
});

test("an unknown field is warned of, and dropped", async () => {
  const { code, body, headers } = await call(
    "POST",
    networks,
    network("a", { type: "none", x: 1 }),
  );
  expect({ code, warning: headers.get("warning"), x: body.spec.x }).toEqual({
    code: 201,
    warning: '299 - "unknown field \\"spec.x\\""',
    x: undefined,
  });
});

test("a network with ports goes with them only where that is asked for", async () => {
  await call("POST", networks, network("blue"));
  await call("POST", `${root}/namespaces/default/ports`, {
    apiVersion: "netloom.dev/v1alpha1",
    kind: "Port",
    metadata: { name: "web" },
    spec: { network: "blue" },
  });
  const refused = await call("DELETE", `${networks}/blue`, { propagationPolicy: "Background" });
  expect(refused).toMatchObject({ code: 409, body: { reason: "Conflict" } });
  expect(refused.body.message).toContain('port "default/web" needs it');
  const going = await call("DELETE", `${networks}/blue`, { propagationPolicy: "Foreground" });
  expect(going.body.metadata.finalizers).toEqual(["foregroundDeletion"]);
});

test("documents tell of all kinds", async () => {
  const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const groups = await call("GET", "/apis", undefined, { headers: { accept: aggregated } });
  expect(groups.headers.get("content-type")).toBe(aggregated);
  expect(groups.body.items.map((item: any) => item.metadata.name)).toContain("netloom.dev");
  expect((await call("GET", "/apis")).body.kind).toBe("APIGroupList");
  expect((await call("GET", root)).body.resources.map((each: any) => each.name)).toContain("ports");
  const { paths } = (await call("GET", "/openapi/v3")).body;
  const document = await call("GET", paths["apis/netloom.dev/v1alpha1"].serverRelativeURL);
  expect(Object.keys(document.body.paths)).toContain(`${root}/namespaces/{namespace}/networks`);
  expect((await call("GET", "/openapi/v3/apis/x/v1")).code).toBe(404);
});

test("who calls may ask who they are and what they may do", async () => {
  const review = (path: string, kind: string, apiVersion: string, spec?: object, uid = 0) =>
    call("POST", path, { kind, apiVersion, spec }, { uid });
  const who = await review(
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    "SelfSubjectReview",
    "authentication.k8s.io/v1",
  );
  expect(who.body.status.userInfo.username).toBe("root");
  const may = (uid: number) =>
    review(
      "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      "SelfSubjectAccessReview",
      "authorization.k8s.io/v1",
      { resourceAttributes: { verb: "get", group: "netloom.dev", resource: "networks" } },
      uid,
    );
  expect((await may(0)).body.status).toMatchObject({ allowed: true });
  expect((await may(1000)).body.status).toMatchObject({ allowed: false });
});

describe("a list of large objects", () => {
  const names = [..."abcdefghijkl"];
  beforeEach(async () => {
    for (const name of names) {
      const annotations = { filler: name.repeat(200_000) };
      await call("POST", networks, network(name, { type: "bridge" }, { annotations }));
    }
  });
  const namesOf = (items: readonly any[]) => items.map(({ metadata }) => metadata.name);

  test("is whole, as objects, as a table and as metadata", async () => {
    const { body } = await call("GET", networks);
    expect([body.kind, namesOf(body.items)]).toEqual(["NetworkList", names]);
    expect(body.metadata).toEqual({ resourceVersion: expect.stringMatching(/^\d+$/) });
    const as = (name: string) => ({
      headers: { accept: `application/json;as=${name};g=meta.k8s.io;v=v1` },
    });
    const { body: table } = await call("GET", networks, undefined, as("Table"));
    expect(table.rows.map(({ cells }: any) => cells[0])).toEqual(names);
    expect(table.columnDefinitions[0].name).toBe("Name");
    const partial = await call("GET", networks, undefined, as("PartialObjectMetadataList"));
    expect(namesOf(partial.body.items)).toEqual(names);
  });

  test("ends at the limit, and goes on from there", async () => {
    const { body: first } = await call("GET", `${networks}?limit=8`);
    expect(namesOf(first.items)).toEqual(names.slice(0, 8));
    const from = encodeURIComponent(first.metadata.continue);
    const { body: second } = await call("GET", `${networks}?limit=8&continue=${from}`);
    expect(namesOf(second.items)).toEqual(names.slice(8));
    expect(second.metadata.continue).toBeUndefined();
  });

  test("is read as the client takes it, and broken off where its moment is forgotten", async () => {
    let lists = 0;
    const { list } = api.store;
    api.store.list = (...request) => {
      lists++;
      return list.apply(api.store, request);
    };
    const response = await api.send("GET", networks);
    const reader = response.body!.getReader();
    await reader.read();
    await Bun.sleep(20);
    expect(lists).toBeLessThan(2);
    const { body } = await call("POST", networks, network("more"));
    await api.store.compact(Number(body.metadata.resourceVersion));
    const rest = (async () => {
      for (;;) if ((await reader.read()).done) return;
    })();
    await expect(rest).rejects.toThrow();
  });
});

/** The documents: complete, without loose ends, and what kubectl looks for in them. */
import { expect, test } from "bun:test";
import { verbsOf } from "../discovery.ts";
import { kinds } from "../kinds/index.ts";
import { openApiDocument, openApiIndex } from "./document.ts";
import type { Operation } from "./operation.ts";
import { pathsOf, rootOf } from "./operations.ts";
import { componentName } from "./schemas.ts";

const documents = Object.keys((openApiIndex() as any).paths).map(
  (name) => openApiDocument(`/${name}`)!,
);
const operationsOf = (paths: object): [string, Operation][] =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as object)
      .filter(([method]) => method !== "parameters")
      .map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );

test("every reference leads to a schema of the same document", () => {
  for (const document of documents) {
    const text = JSON.stringify(document);
    const names = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
    expect(names.length).toBeGreaterThan(0);
    for (const [, name] of names) expect(Object.keys(document.components.schemas)).toContain(name!);
  }
});

test("operations have names of their own, and paths' parameters are declared", () => {
  const operations = documents.flatMap(({ paths }) => operationsOf(paths));
  const ids = operations.map(([, { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [path, item] of documents.flatMap(({ paths }) => Object.entries(paths))) {
    const declared = (item.parameters as any[]).filter((each) => each.in === "path");
    const used = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    expect(declared.map(({ name }) => name)).toEqual(used);
  }
});

test("each kind has an operation for each of its verbs", () => {
  const actions: Readonly<Record<string, string>> = {
    create: "post",
    update: "put",
    watch: "list",
  };
  for (const kind of kinds) {
    const found = operationsOf(pathsOf(kind)).map(([, each]) => each["x-kubernetes-action"]);
    for (const verb of verbsOf(kind)) expect(found).toContain(actions[verb] ?? verb);
  }
});

test("kubectl finds what it looks for: the kind of a path, and that fields are validated", () => {
  const document = openApiDocument("/apis/netloom.dev/v1alpha1")!;
  const item: any =
    document.paths["/apis/netloom.dev/v1alpha1/namespaces/{namespace}/networks/{name}"];
  const gvk = { group: "netloom.dev", version: "v1alpha1", kind: "Network" };
  expect(item.get["x-kubernetes-group-version-kind"]).toEqual(gvk);
  expect(item.patch.parameters.map(({ name }: any) => name)).toContain("fieldValidation");
  expect(Object.keys(item.patch.requestBody.content)).not.toContain(
    "application/strategic-merge-patch+json",
  );
  const schema: any = document.components.schemas["dev.netloom.v1alpha1.Network"];
  expect(schema["x-kubernetes-group-version-kind"]).toEqual([gvk]);
  expect(schema.properties.spec).toMatchObject({
    required: ["type"],
    properties: { mtu: { type: "integer", default: 0, maximum: 65535 } },
  });
});

test("lists say how they are merged", () => {
  const subnet: any = openApiDocument("/apis/netloom.dev/v1alpha1")!.components.schemas[
    "dev.netloom.v1alpha1.Subnet"
  ];
  const { routes, reserved, allocationPools } = subnet.properties.spec.properties;
  expect(routes["x-kubernetes-list-type"]).toBe("map");
  expect(routes["x-kubernetes-list-map-keys"]).toEqual(["destination"]);
  expect(reserved["x-kubernetes-list-type"]).toBe("set");
  expect(allocationPools["x-kubernetes-list-type"]).toBe("atomic");
});

test("the index names each document, and there is none of others", () => {
  const { paths } = openApiIndex() as any;
  expect(Object.keys(paths).slice(0, 2)).toEqual(["api/v1", "apis/netloom.dev/v1alpha1"]);
  for (const name of Object.keys(paths)) expect(openApiDocument(`/${name}`)).toBeDefined();
  expect(paths["api/v1"].serverRelativeURL).toMatch(/^\/openapi\/v3\/api\/v1\?hash=[0-9a-f]{16}$/);
  expect(openApiDocument("/apis/netloom.dev/v1")).toBeUndefined();
  for (const kind of kinds) {
    const schemas = openApiDocument(rootOf(kind))!.components.schemas;
    expect(Object.keys(schemas)).toContain(`${componentName(kind)}List`);
  }
});

/** Whole objects: metadata and spec, and how an Invalid tells what is wrong. */
import { expect, test } from "bun:test";
import { networkKind } from "./kinds/network.ts";
import { tenantKind } from "./kinds/tenant.ts";
import { metadataFaults, objectFaults } from "./metadata.ts";
import type { ApiObject } from "./object.ts";
import { withDefaults } from "./shape.ts";
import { conflict, forbidden, invalid, notFound, strictDecodingError } from "./status-error.ts";

const good = { name: "blue", namespace: "default" };
const cases: readonly [string, object, paths: string[]][] = [
  ["what is right", { ...good, labels: { "a.b/c": "D_1" }, annotations: { "A.b/c": "\n" } }, []],
  ["no name", { namespace: "a" }, ["metadata.name"]],
  ["a name with a slash", { ...good, name: "../x" }, ["metadata.name"]],
  ["no namespace", { name: "a" }, ["metadata.namespace"]],
  ["a namespace that is none", { ...good, namespace: "A" }, ["metadata.namespace"]],
  [
    "a name to make that is too long",
    { ...good, generateName: "a".repeat(59) },
    ["metadata.generateName"],
  ],
  [
    "labels' keys and values",
    { ...good, labels: { "-a": "x", b: "-" } },
    ["metadata.labels", "metadata.labels[b]"],
  ],
  ["a label's long value", { ...good, labels: { a: "x".repeat(64) } }, ["metadata.labels[a]"]],
  [
    "annotations too large together",
    {
      ...good,
      annotations: { a: "x".repeat(200_000), b: "x".repeat(100_000) },
    },
    ["metadata.annotations"],
  ],
  ["a finalizer that is no name", { ...good, finalizers: ["a b"] }, ["metadata.finalizers[0]"]],
  ["labels that are a list", { ...good, labels: [] }, ["metadata.labels"]],
];

for (const [name, metadata, paths] of cases) {
  test(`metadata with ${name}`, () => {
    expect(metadataFaults(networkKind, metadata).map(({ path }) => path)).toEqual(paths);
  });
}

test("a cluster-scoped object has no namespace", () => {
  expect(metadataFaults(tenantKind, good)).toMatchObject([
    { path: "metadata.namespace", reason: "FieldValueForbidden" },
  ]);
});

const network = (spec: object) =>
  ({ metadata: good, spec: withDefaults(networkKind.spec, spec) }) as ApiObject;

test("an Invalid reads as Kubernetes' own", () => {
  const object = network({ type: "x", mtu: -1 });
  const { status } = invalid(networkKind, "blue", objectFaults(networkKind, object), object);
  expect(status.code).toBe(422);
  expect(status.message).toBe(
    'Network.netloom.dev "blue" is invalid: [spec.type: Unsupported value: "x": supported values: ' +
      '"bridge", "ptp", "macvlan", "ipvlan", "vlan", "overlay", "routed", "host", "none", ' +
      "spec.mtu: Invalid value: -1: must be between 0 and 65535, inclusive]",
  );
  expect(status.details?.causes?.[1]).toEqual({
    reason: "FieldValueInvalid",
    message: "Invalid value: -1: must be between 0 and 65535, inclusive",
    field: "spec.mtu",
  });
});

test("a kind's own check runs once its schema is satisfied", () => {
  const object = network({ type: "vlan" });
  const { message } = invalid(networkKind, "blue", objectFaults(networkKind, object), object);
  expect(message).toContain('spec.vlan: Required value: is required of type "vlan"');
  const wrong = network({ type: "vlan", mtu: "x" });
  expect(objectFaults(networkKind, wrong).map(({ path }) => path)).toEqual(["spec.mtu"]);
});

test("other failures read as Kubernetes' own", () => {
  expect(notFound(networkKind, "blue").status).toEqual({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: 'networks.netloom.dev "blue" not found',
    reason: "NotFound",
    details: { name: "blue", group: "netloom.dev", kind: "networks" },
    code: 404,
  });
  expect(forbidden(networkKind, "", "no").message).toBe("networks.netloom.dev is forbidden: no");
  expect(conflict(networkKind, "blue").message).toBe(
    'Operation cannot be fulfilled on networks.netloom.dev "blue": the object has been modified; ' +
      "please apply your changes to the latest version and try again",
  );
  expect(strictDecodingError(networkKind, ["spec.x"]).message).toBe(
    'Network in version "v1alpha1" cannot be handled as a Network: strict decoding error: ' +
      'unknown field "spec.x"',
  );
});

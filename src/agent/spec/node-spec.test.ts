/** What watch events make of a node spec. */
import { describe, expect, test } from "bun:test";
import { initialEventsEnd, type WatchEvent } from "../../api/node-spec.ts";
import { NodeSpec } from "./node-spec.ts";

const object = (name: string, resourceVersion: number) =>
  ({
    apiVersion: "netloom.dev/v1alpha1",
    kind: "Network",
    metadata: { namespace: "default", name, uid: name, resourceVersion: String(resourceVersion) },
    spec: { type: "bridge" },
  }) as unknown as WatchEvent["object"];
const event = (type: WatchEvent["type"], name: string, at: number): WatchEvent => ({
  type,
  object: object(name, at),
});
const bookmark = (at: number, isEnd = true) =>
  ({
    type: "BOOKMARK",
    object: {
      metadata: {
        resourceVersion: String(at),
        ...(isEnd && { annotations: { [initialEventsEnd]: "true" } }),
      },
    },
  }) as unknown as WatchEvent;
const names = (spec: NodeSpec) => spec.all("networks").map(({ metadata }) => metadata.name);

describe("a listing", () => {
  test("deletes nothing before its end, and then what was not among it", () => {
    const spec = new NodeSpec();
    spec.load([object("old", 1), object("kept", 1)], true);
    spec.begin();
    expect(spec.apply(event("ADDED", "kept", 1))).toEqual([]);
    spec.apply(event("ADDED", "new", 2));
    expect(names(spec).sort()).toEqual(["kept", "new", "old"]);
    expect(spec.apply(bookmark(9))).toMatchObject([{ key: "networks/default/old", isNews: true }]);
    expect(names(spec).sort()).toEqual(["kept", "new"]);
    expect(spec.revision).toBe("9");
  });

  test("that is cut short begins anew, and the spec stays incomplete", () => {
    const spec = new NodeSpec();
    spec.begin();
    spec.apply(event("ADDED", "blue", 4));
    expect(spec.revision).toBeUndefined();
    expect(spec.isComplete).toBe(false);
    spec.begin();
    spec.apply(bookmark(5));
    expect(names(spec)).toEqual([]);
    expect(spec.isComplete).toBe(true);
  });
});

test("the end of a listing that was not asked for deletes nothing", () => {
  const spec = new NodeSpec();
  spec.begin();
  spec.apply(event("ADDED", "blue", 1));
  spec.apply(bookmark(1));
  expect(spec.apply(bookmark(3))).toEqual([]);
  expect(names(spec)).toEqual(["blue"]);
  expect(spec.revision).toBe("3");
});

test("what led to objects that a listing told as they were later moves none of them back", () => {
  const spec = new NodeSpec();
  spec.begin();
  spec.apply(event("ADDED", "blue", 105));
  spec.apply(bookmark(100));
  expect(spec.apply(event("MODIFIED", "blue", 101))).toEqual([]);
  expect(spec.apply(event("DELETED", "blue", 102))).toEqual([]);
  expect(spec.apply(event("ADDED", "blue", 103))).toEqual([]);
  expect(spec.apply(event("MODIFIED", "blue", 105))).toEqual([]);
  expect(spec.all("networks")).toEqual([object("blue", 105)]);
  // A resumed stream tells the last commit again: not all of it may have come.
  expect(spec.revision).toBe("103");
  // It went before it was read.
  expect(spec.apply(event("DELETED", "red", 104))).toEqual([]);
  expect(spec.apply(event("DELETED", "blue", 106))).toMatchObject([
    { key: "networks/default/blue", isNews: true },
  ]);
});

test("a listing that begins anew may tell what is older, as after a restore", () => {
  const spec = new NodeSpec();
  spec.load([object("blue", 9)], true);
  spec.begin();
  expect(spec.apply(event("ADDED", "blue", 4))).toHaveLength(1);
});

test("events after it change one object each, and move the revision on", () => {
  const spec = new NodeSpec();
  spec.begin();
  spec.apply(bookmark(1));
  expect(spec.apply(event("ADDED", "blue", 2))).toHaveLength(1);
  expect(spec.apply(event("MODIFIED", "blue", 3))).toHaveLength(1);
  expect(spec.apply(event("MODIFIED", "blue", 3))).toEqual([]);
  expect(spec.apply(event("DELETED", "blue", 4))).toMatchObject([
    { key: "networks/default/blue", isNews: true },
  ]);
  expect(spec.apply(event("DELETED", "blue", 5))).toEqual([]);
  spec.apply(bookmark(8, false));
  expect(spec.revision).toBe("8");
});

test("what another host is told of with a change moves the revision nowhere, and is kept", () => {
  const endpoint = (name: string, at: number, host: string) =>
    ({
      type: "ADDED",
      object: {
        apiVersion: "netloom.dev/v1alpha1",
        kind: "Endpoint",
        metadata: { namespace: "a", name, uid: name, resourceVersion: String(at) },
        spec: { network: "a/blue", host, epoch: 1, addresses: [] },
      },
    }) as unknown as WatchEvent;
  const spec = new NodeSpec();
  spec.begin();
  spec.apply(bookmark(99));
  spec.apply(event("ADDED", "blue", 100));
  expect(spec.apply(endpoint("p", 60, "h2"))).toMatchObject([
    { key: "endpoints/a/p", isNews: true },
  ]);
  expect(spec.revision).toBe("99");
  spec.apply(bookmark(100, false));
  expect(spec.revision).toBe("100");
  expect(spec.apply(endpoint("p", 101, "h3"))).toMatchObject([{ isNews: true }]);
  expect(spec.apply(endpoint("p", 101, "h3"))).toEqual([]);
  expect(spec.apply(endpoint("p", 102, "h3"))).toMatchObject([{ isNews: false }]);
  // Late, as from a server that lags behind.
  expect(spec.apply(endpoint("p", 98, "h2"))).toEqual([]);
  expect(spec.all("endpoints")).toMatchObject([{ spec: { host: "h3" } }]);
  const went = endpoint("p", 103, "h3");
  expect(spec.apply({ ...went, type: "DELETED" })).toHaveLength(1);
  expect(spec.all("endpoints")).toEqual([]);
});

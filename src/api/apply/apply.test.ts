/** Server-side apply: who owns what, what conflicts, what goes when it is given up. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { equalJson } from "../json.ts";
import { portKind } from "../kinds/port.ts";
import { subnetKind } from "../kinds/subnet.ts";
import { withDefaults } from "../shape.ts";
import { ApiError } from "../status-error.ts";
import { type Application, apply, trackUpdate } from "./apply.ts";

const early = "2026-01-01T00:00:00Z";
const late = "2026-01-02T00:00:00Z";

/** A subnet's config; the identity is the same always. */
const config = (spec: object, metadata: object = {}) => ({
  apiVersion: "netloom.dev/v1alpha1",
  kind: "Subnet",
  metadata: { name: "web", namespace: "default", ...metadata },
  spec,
});

const applied = (
  live: object | undefined,
  manager: string,
  what: object,
  rest: Partial<Application> = {},
): any =>
  apply({ kind: subnetKind, live, config: what, manager, force: false, now: early, ...rest });

const updated = (live: object | undefined, manager: string, what: object): any =>
  trackUpdate({ kind: subnetKind, live, updated: what, manager, now: early });

function refusal(work: () => unknown) {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return error.status;
    throw error;
  }
  throw new Error("It was not refused");
}

const blue = { network: "blue", cidr: "10.1.0.0/24" };
const route = (destination: string, nextHop = "10.1.0.9") => ({ destination, nextHop });

test("a first apply makes the object, its fields owned by the manager as Kubernetes writes them", () => {
  const made = applied(
    undefined,
    "kubectl",
    config(
      { ...blue, reserved: ["10.1.0.7"], routes: [route("10.9.0.0/16")] },
      { labels: { a: "b" } },
    ),
  );
  expect(made.metadata.managedFields).toEqual([
    {
      manager: "kubectl",
      operation: "Apply",
      apiVersion: "netloom.dev/v1alpha1",
      time: early,
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:metadata": { "f:labels": { "f:a": {} } },
        "f:spec": {
          "f:cidr": {},
          "f:network": {},
          "f:reserved": { 'v:"10.1.0.7"': {} },
          "f:routes": {
            'k:{"destination":"10.9.0.0/16"}': { ".": {}, "f:destination": {}, "f:nextHop": {} },
          },
        },
      },
    },
  ]);
  expect(made.metadata.name).toBe("web");
  expect(made.spec.routes).toEqual([route("10.9.0.0/16")]);
});

test("another's field with another value is a conflict, told with who and which field", () => {
  const made = updated(
    undefined,
    "kubectl-client-side-apply",
    config({ ...blue, gateway: "10.1.0.1" }),
  );
  const status = refusal(() => applied(made, "kubectl", config({ gateway: "10.1.0.2" })));
  expect(status).toMatchObject({
    code: 409,
    reason: "Conflict",
    message:
      'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using ' +
      "netloom.dev/v1alpha1 at 2026-01-01T00:00:00Z: .spec.gateway",
    details: {
      causes: [
        {
          reason: "FieldManagerConflict",
          message:
            'conflict with "kubectl-client-side-apply" using netloom.dev/v1alpha1 at 2026-01-01T00:00:00Z',
          field: ".spec.gateway",
        },
      ],
    },
  });
});

test("several fields of another are one list, and an applier is named without a time", () => {
  const made = applied(undefined, "a", config({ ...blue, routes: [route("10.9.0.0/16")] }));
  const { message } = refusal(() =>
    applied(made, "b", config({ network: "red", routes: [route("10.9.0.0/16", "10.1.0.8")] })),
  );
  expect(message).toBe(
    'Apply failed with 2 conflicts: conflicts with "a":\n- .spec.network\n' +
      '- .spec.routes[destination="10.9.0.0/16"].nextHop',
  );
});

test("force takes the field, and its earlier owner loses it without removing it later", () => {
  const made = applied(undefined, "a", config({ ...blue, gateway: "10.1.0.1" }));
  const taken = applied(made, "b", config({ gateway: "10.1.0.2" }), { force: true });
  expect(taken.spec.gateway).toBe("10.1.0.2");
  const later = applied(taken, "a", config(blue));
  expect(later.spec.gateway).toBe("10.1.0.2");
});

test("the same value is owned by both, and stays until both gave it up", () => {
  const a = applied(undefined, "a", config({ ...blue, gateway: "10.1.0.1" }));
  const both = applied(a, "b", config({ gateway: "10.1.0.1" }));
  const one = applied(both, "a", config(blue));
  expect(one.spec.gateway).toBe("10.1.0.1");
  const none = applied(one, "b", config({}));
  expect("gateway" in none.spec).toBe(false);
  expect(none.metadata.managedFields.map((entry: any) => entry.manager)).toEqual(["a"]);
});

test("an object that is given up goes with the defaults in it", () => {
  const port = (spec: object) => ({ metadata: { name: "p", namespace: "a" }, spec });
  const spec = { network: "b", type: "vm" };
  const how = { kind: portKind, manager: "a", force: false, now: early };
  const made: any = apply({ ...how, config: port({ ...spec, tap: { name: "t0" } }) });
  const live = { ...made, spec: withDefaults(portKind.spec, made.spec) };
  expect(live.spec.tap.multiQueue).toBe(false);
  const left: any = apply({ ...how, live, config: port(spec) });
  expect("tap" in left.spec).toBe(false);
});

test("what nobody was tracked for belongs to before-first-apply", () => {
  const live = config({ ...blue, gateway: "10.1.0.1" });
  const { message } = refusal(() => applied(live, "a", config({ gateway: "10.1.0.2" })));
  expect(message).toContain('conflict with "before-first-apply" using netloom.dev/v1alpha1');
});

test("an update owns what it changed, and others lose it", () => {
  const made = applied(
    undefined,
    "a",
    config({ ...blue, gateway: "10.1.0.1", reserved: ["10.1.0.7"] }),
  );
  const changed = updated(made, "edit", {
    ...made,
    spec: { ...made.spec, gateway: "10.1.0.3", reserved: undefined },
  });
  const entries = Object.fromEntries(
    changed.metadata.managedFields.map((entry: any) => [entry.manager, entry.fieldsV1]),
  );
  expect(entries).toEqual({
    a: { "f:spec": { "f:cidr": {}, "f:network": {} } },
    edit: { "f:spec": { "f:gateway": {} } },
  });
});

test("status is another's entry, and each writing leaves the other's part as it was", () => {
  const made = applied(undefined, "a", config(blue));
  const status = { addresses: 5 };
  const told: any = trackUpdate({
    kind: subnetKind,
    live: made,
    updated: { ...made, status },
    manager: "netloom",
    now: early,
    subresource: "status",
  });
  expect(told.metadata.managedFields[1]).toMatchObject({
    manager: "netloom",
    subresource: "status",
    fieldsV1: { "f:status": { "f:addresses": {} } },
  });
  const later = applied(told, "a", {
    ...config(blue, { labels: { x: "y" } }),
    status: { addresses: 9 },
  });
  expect(later.status).toEqual(status);
  expect(later.metadata.labels).toEqual({ x: "y" });
});

test("an updater may set managedFields itself, and [{}] forgets them", () => {
  const made = applied(undefined, "a", config(blue));
  const reset = updated(made, "b", {
    ...made,
    metadata: { ...made.metadata, managedFields: [{}] },
  });
  expect("managedFields" in reset.metadata).toBe(false);
});

test("at most ten updaters are told apart", () => {
  let live: any = updated(undefined, "first", config(blue));
  for (let i = 0; i < 20; i++) {
    const metadata = { ...live.metadata, labels: { ...live.metadata.labels, [`l${i}`]: "x" } };
    const time = new Date(Date.parse(early) + i * 1000).toISOString().replace(".000", "");
    live = trackUpdate({
      kind: subnetKind,
      live,
      updated: { ...live, metadata },
      manager: `m${i}`,
      now: time,
    });
  }
  expect(live.metadata.managedFields).toHaveLength(11);
  const ancient = live.metadata.managedFields.find((e: any) => e.manager === "ancient-changes");
  expect(Object.keys(ancient.fieldsV1["f:metadata"]["f:labels"])).toHaveLength(10);
});

test("items that can't be told apart, and managers without a name, are refused", () => {
  const twice = { ...blue, routes: [route("10.9.0.0/16"), route("10.9.0.0/16")] };
  expect(refusal(() => applied(undefined, "a", config(twice)))).toMatchObject({
    code: 422,
    details: { causes: [{ reason: "FieldValueDuplicate", field: "spec.routes[1]" }] },
  });
  const nameless = { ...blue, routes: [{ nextHop: "10.1.0.9" }] };
  expect(refusal(() => applied(undefined, "a", config(nameless))).code).toBe(422);
  expect(refusal(() => applied(undefined, "", config(blue))).code).toBe(400);
});

test("an address in another text is the same item", () => {
  const made = applied(undefined, "a", config({ reserved: ["FD00::0:5"] }));
  const again = applied(made, "b", config({ reserved: ["fd00::5"] }));
  expect(again.spec.reserved).toEqual(["fd00::5"]);
});

const letters = fc.constantFrom("a", "b", "c");
const addresses = fc.constantFrom("10.1.0.5", "10.1.0.6", "10.1.0.7");
const anyRoute = fc.record(
  { destination: fc.constantFrom("10.7.0.0/16", "10.8.0.0/16", "10.9.0.0/16"), nextHop: addresses },
  { requiredKeys: ["destination"] },
);
const anySpec = fc.record(
  {
    gateway: addresses,
    reserved: fc.uniqueArray(addresses),
    routes: fc.uniqueArray(anyRoute, { selector: ({ destination }) => destination }),
    dns: fc.record({ domain: letters, search: fc.uniqueArray(letters) }, { requiredKeys: [] }),
    allocationPools: fc.array(fc.record({ start: addresses, end: addresses }), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const anyConfig = fc
  .tuple(anySpec, fc.dictionary(letters, letters))
  .map(([spec, labels]) => config(spec, { labels }));
const applications = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), anyConfig), {
  maxLength: 6,
});

const history = (steps: readonly (readonly [string, object])[]) =>
  steps.reduce<any>(
    (live, [manager, what]) => applied(live, manager, what, { force: true }),
    undefined,
  );

test("applying twice is as applying once, the time of the entry included", () => {
  fc.assert(
    fc.property(applications, anyConfig, (steps, what) => {
      const once = applied(history(steps), "a", what, { force: true });
      expect(applied(once, "a", what, { now: late })).toEqual(once);
    }),
  );
});

test("all that is applied is there after it, in the order in which it was applied", () => {
  fc.assert(
    fc.property(applications, anyConfig, (steps, what) => {
      const { spec, metadata } = applied(history(steps), "a", what, { force: true });
      const { reserved = [], routes = [], ...rest } = what.spec as any;
      expect(metadata.labels ?? {}).toMatchObject((what.metadata as any).labels);
      expect(spec).toMatchObject({ ...rest, ...(rest.dns && { dns: {} }) });
      expect(spec.dns?.domain).toBe(rest.dns?.domain ?? spec.dns?.domain);
      expect((spec.reserved ?? []).filter((ip: string) => reserved.includes(ip))).toEqual(reserved);
      const order = routes.map(({ destination }: any) => destination);
      const found = (spec.routes ?? []).map(({ destination }: any) => destination);
      expect(found.filter((each: string) => order.includes(each))).toEqual(order);
    }),
  );
});

test("what only others applied survives whatever one manager applies and gives up", () => {
  fc.assert(
    fc.property(anySpec, anySpec, anySpec, (other, first, second) => {
      const before = applied(undefined, "b", config(other));
      const mine = applied(before, "a", config(first), { force: true });
      const after = applied(mine, "a", config(second), { force: true });
      for (const each of other.routes ?? []) {
        const overridden = [...(first.routes ?? []), ...(second.routes ?? [])].some(
          ({ destination }) => destination === each.destination,
        );
        if (!overridden) expect(after.spec.routes).toContainEqual(each);
      }
      for (const each of other.reserved ?? []) expect(after.spec.reserved).toContain(each);
    }),
  );
});

test("two managers with different items and fields never conflict, in whatever order", () => {
  fc.assert(
    fc.property(anySpec, anySpec, (one, two) => {
      const only = (spec: any, at: number) => ({
        routes: spec.routes?.filter((each: any) => each.destination < "10.8.1" === (at === 0)),
        ...(at === 0 ? { gateway: spec.gateway } : { dns: spec.dns }),
      });
      const a = config(only(one, 0));
      const b = config(only(two, 1));
      const ab = applied(applied(undefined, "a", a), "b", b);
      const ba = applied(applied(undefined, "b", b), "a", a);
      const sorted = (made: any) => ({
        ...made.spec,
        routes: [...(made.spec.routes ?? [])].sort((x, y) =>
          x.destination < y.destination ? -1 : 1,
        ),
      });
      expect(equalJson(sorted(ab), sorted(ba))).toBe(true);
      expect(ab.metadata.managedFields).toEqual(ba.metadata.managedFields);
    }),
  );
});

test("once every manager gave all up, nothing is left", () => {
  fc.assert(
    fc.property(applications, (steps) => {
      const nothing = config({});
      const left = ["a", "b", "c"].reduce(
        (live, manager) => applied(live, manager, nothing),
        history([["a", nothing], ...steps]),
      );
      expect(left.spec).toEqual({});
      expect(left.metadata).toEqual({ name: "web", namespace: "default" });
    }),
  );
});

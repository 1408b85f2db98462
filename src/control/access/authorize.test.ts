/** Who may do what: every role with every verb and kind, and where. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { kinds } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import { admits } from "./affected.ts";
import { covers, decide, narrowed, type Right, type Tenancy } from "./authorize.ts";
import { ladder, type Role } from "./roles.ts";

const verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
const namespaces: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  a: { tenant: "red" },
  b: { tenant: "blue" },
  c: {},
};
const tenancy: Tenancy = {
  selectorOf: (tenant) => (tenant === "none" ? undefined : { matchLabels: { tenant } }),
  allowedOf: () => undefined,
  labelsOf: (namespace) => new Map(Object.entries(namespaces)).get(namespace),
};

interface Question {
  readonly verb: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}
const ask = (rights: readonly Right[], { resource, ...rest }: Question) => {
  const group = resource === "namespaces" ? "" : "netloom.dev";
  return decide(rights, { group, resource, ...rest }, tenancy).allowed;
};

const readers = "get list watch";
const everything = verbs.join(" ");
/** Resource → verbs of viewer, editor, admin, host. Written out, so that a slip shows. */
const expected: Readonly<Record<string, readonly [string, string, string, string]>> = {
  namespaces: [readers, readers, everything, ""],
  tenants: [readers, readers, everything, ""],
  hosts: [readers, readers, everything, "get create"],
  ippools: [readers, readers, everything, ""],
  ipblocks: [readers, readers, everything, "get"],
  bgpconfigurations: [readers, readers, everything, ""],
  bgppeers: [readers, readers, everything, ""],
  grants: [readers, readers, everything, ""],
  tokens: ["", "", everything, ""],
  networks: [readers, everything, everything, ""],
  subnets: [readers, everything, everything, ""],
  ports: [readers, everything, everything, "get create delete"],
};
const expectedStatus: typeof expected = {
  ...Object.fromEntries(
    Object.keys(expected).map((resource) => [resource, ["get", "get", "get update patch", ""]]),
  ),
  tokens: ["", "", "get", ""],
  hosts: ["get", "get", "get update patch", "get update patch"],
  ports: ["get", "get", "get update patch", "get update patch"],
  ipblocks: ["get", "get", "get update patch", "get update patch"],
};
const rightOf = (role: Role): Right => (role === "host" ? { role, host: "n1" } : { role });

describe("everywhere", () => {
  for (const [at, role] of (["viewer", "editor", "admin", "host"] as const).entries()) {
    test(`a ${role} does what the table says, kind by kind and verb by verb`, () => {
      for (const { plural } of kinds) {
        for (const verb of verbs) {
          const asked = { verb, resource: plural };
          const what = `${verb} ${plural}`;
          const isExpected = expected[plural]![at]!.split(" ").includes(verb);
          expect([what, ask([rightOf(role)], asked)]).toEqual([what, isExpected]);
          const isStatus = expectedStatus[plural]![at]!.split(" ").includes(verb);
          const status = ask([rightOf(role)], { ...asked, subresource: "status" });
          expect([`${what}/status`, status]).toEqual([`${what}/status`, isStatus]);
        }
      }
    });
  }

  test("who was granted nothing may do nothing", () => {
    for (const { plural } of kinds) {
      for (const verb of verbs) expect(ask([], { verb, resource: plural })).toBe(false);
    }
  });
});

describe("in a tenant", () => {
  const inRed = (role: Role): Right[] => [{ role, tenant: "red" }];

  test("roles count in the tenant's namespaces, and nowhere else", () => {
    for (const role of ladder) {
      for (const resource of ["networks", "subnets", "ports"]) {
        for (const verb of verbs) {
          const of = (namespace?: string) =>
            ask(inRed(role), { verb, resource, ...(namespace && { namespace }) });
          expect(of("a")).toBe(ask([{ role }], { verb, resource }));
          expect([of("b"), of("c"), of("missing"), of()]).toEqual([false, false, false, false]);
        }
      }
    }
  });

  test("what belongs to no namespace is out of reach, but for the tenant itself", () => {
    for (const role of ladder) {
      for (const { plural, namespaced } of kinds) {
        if (namespaced || plural === "grants" || plural === "tokens") continue;
        for (const verb of verbs) {
          const isOwn = plural === "tenants" && readers.split(" ").includes(verb);
          expect(ask(inRed(role), { verb, resource: plural, name: "red" })).toBe(isOwn);
          expect(ask(inRed(role), { verb, resource: plural, name: "blue" })).toBe(false);
        }
      }
    }
  });

  test("a tenant without a selector has no namespaces", () => {
    const right: Right = { role: "admin", tenant: "none" };
    expect(ask([right], { verb: "get", resource: "ports", namespace: "a" })).toBe(false);
  });
});

test("an agent has to do with its own host alone", () => {
  const right = rightOf("host");
  const spec = (name: string) => ({
    verb: "watch",
    resource: "hosts",
    subresource: "nodespec",
    name,
  });
  expect([ask([right], spec("n1")), ask([right], spec("n2"))]).toEqual([true, false]);
  const status = (name: string) => ({
    verb: "patch",
    resource: "hosts",
    subresource: "status",
    name,
  });
  expect([ask([right], status("n1")), ask([right], status("n2"))]).toEqual([true, false]);
});

test("an agent makes its own host, without labels that would choose networks for it", () => {
  const attributes = { verb: "create", group: "netloom.dev", resource: "hosts", name: "n1" };
  const host = (name: string, labels?: Record<string, string>) =>
    ({ metadata: { name, ...(labels && { labels }) }, spec: {} }) as unknown as ApiObject;
  const make = (next: ApiObject) =>
    admits([rightOf("host")], { attributes, affected: { next } }, tenancy).allowed;
  expect(make(host("n1"))).toBe(true);
  expect(make(host("n2"))).toBe(false);
  expect(make(host("n1", { zone: "secret" }))).toBe(false);
});

test("other groups, and names that every object of JavaScript has, are nothing", () => {
  const admin = [{ role: "admin" } as const];
  expect(decide(admin, { verb: "get", group: "apps", resource: "networks" }, tenancy).allowed).toBe(
    false,
  );
  for (const resource of ["constructor", "__proto__", "toString"]) {
    expect(ask(admin, { verb: "length", resource })).toBe(false);
  }
});

const role = fc.constantFrom<Role>("viewer", "editor", "admin", "host");
const tenant = fc.option(fc.constantFrom("red", "blue"), { nil: undefined });
const right = fc.record({ role, tenant }).map(({ role, tenant }): Right => {
  return role === "host" ? { role, host: "n1" } : { role, ...(tenant && { tenant }) };
});
const question = fc.record({
  verb: fc.constantFrom(...verbs),
  resource: fc.constantFrom(...kinds.map(({ plural }) => plural)),
  subresource: fc.option(fc.constantFrom("status", "nodespec"), { nil: undefined }),
  namespace: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined }),
  name: fc.option(fc.constantFrom("red", "n1", "x"), { nil: undefined }),
});

test("a token never allows what its user may not do", () => {
  const token = fc.record({ role: fc.option(role, { nil: undefined }), tenant });
  fc.assert(
    fc.property(fc.array(right), token, question, (rights, narrowing, asked) => {
      return !ask(narrowed(rights, narrowing), asked) || ask(rights, asked);
    }),
  );
});

test("who covers a right may do all that it allows", () => {
  fc.assert(
    fc.property(fc.array(right), right, question, (rights, wanted, asked) => {
      return !covers(rights, wanted) || !ask([wanted], asked) || ask(rights, asked);
    }),
    { numRuns: 1000 },
  );
});

test("a higher role allows all that a lower one does", () => {
  fc.assert(
    fc.property(tenant, question, (tenant, asked) => {
      const allowed = ladder.map((role) => ask([{ role, ...(tenant && { tenant }) }], asked));
      return allowed.every((each, i) => i === 0 || each || !allowed[i - 1]);
    }),
  );
});

/** Tests how people's words and files become objects. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { UnreachableError } from "../../api/client/transport.ts";
import { mergePatch } from "../../api/merge-patch.ts";
import { milliseconds } from "../duration.ts";
import { exitStatusOf, TimedOut } from "../exit.ts";
import { manifestOf } from "./create.ts";
import { parsed, readFiles } from "./files.ts";
import { inBuildOrder } from "./manifest.ts";
import { mergePatchOf } from "./merge-patch-of.ts";
import { targetsOf } from "./targets.ts";
import { untilOf } from "./wait-until.ts";

const api = "apiVersion: netloom.dev/v1alpha1";

describe("targets", () => {
  const said = (...words: string[]) =>
    targetsOf(words).map(({ kind, name }) =>
      name === undefined ? kind.plural : `${kind.plural}/${name}`,
    );

  test.each([
    [["networks"], ["networks"]],
    [["net,ports"], ["networks", "ports"]],
    [["all"], ["networks", "subnets", "ports"]],
    [
      ["network", "a", "b"],
      ["networks/a", "networks/b"],
    ],
    [
      ["Network/a", "po/b"],
      ["networks/a", "ports/b"],
    ],
    [["networks.netloom.dev"], ["networks"]],
    [[], []],
  ])("%j means %j", (words, meant) => expect(said(...words)).toEqual(meant));

  test.each([
    [["netwroks"], '"netwroks" is no kind of objects: do you mean "networks"?'],
    [["network/"], '"network/" names no object'],
    [["network/a", "b"], '"b" names no object'],
    [["network", "../x"], "names no object: write KIND NAME…, or KIND/NAME"],
    [["network", "A b"], '"A b" is no name of an object'],
  ])("%j is refused", (words, message) => expect(() => said(...words)).toThrow(message));
});

describe("files", () => {
  test("hold documents, lists, and comments", () => {
    const text = `# first\n---\n${api}\nkind: Network\nmetadata: {name: a}\n---\n# nothing\n---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: b}}
- {apiVersion: netloom.dev/v1alpha1, kind: Port, metadata: {generateName: c-}}
`;
    const found = parsed(text, "x.yaml");
    expect(found.map(({ kind, source }) => `${kind.kind} ${source}`)).toEqual([
      "Network x.yaml, document 1",
      "Namespace x.yaml, document 2, item 1",
      "Port x.yaml, document 2, item 2",
    ]);
    expect(inBuildOrder(found).map(({ kind }) => kind.kind)).toEqual([
      "Namespace",
      "Network",
      "Port",
    ]);
  });

  test("may be JSON", () => {
    const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: "a" } };
    expect(parsed(JSON.stringify(object, null, "\t"), "x.json")).toMatchObject([{ object }]);
  });

  test.each([
    ["- a", "x is no object"],
    ["kind: Network", 'x has no "apiVersion"'],
    [api, 'x has no "kind"'],
    [`${api}\nkind: Network`, "x, a Network, has no metadata.name"],
    [`${api}\nkind: Netwrok\nmetadata: {name: a}`, "do you mean Network?"],
    [
      "apiVersion: v1\nkind: Network\nmetadata: {name: a}",
      "its apiVersion is netloom.dev/v1alpha1",
    ],
    [`${api}\nkind: Port\nmetadata: {name: a, namespace: 5}`, "metadata.namespace must be text"],
    ["a: [", "x can't be read: line 1: Unexpected"],
    [
      `${api}\nkind: Network\nmetadata:\n  name: x\n spec:\n  type: bridge`,
      "x can't be read: line 5: ",
    ],
    ["---\na: {\n b: c}\n--- # two\nkind: 'x\na: b\n", "x, document 2 can't be read: line 5: "],
    ["a:\n  - [1,\n    2]\n  - [1\nb: c\n", "x can't be read: line 4: "],
    ["a:\n\t- b", "line 2: Tab characters"],
  ])("%j is refused", (text, message) => expect(() => parsed(text, "x")).toThrow(message));

  test("come from folders in the order of their names, and from a pipe", async () => {
    const folder = mkdtempSync(join(tmpdir(), "netloom-files-"));
    const network = (name: string) => `${api}\nkind: Network\nmetadata: {name: ${name}}\n`;
    try {
      mkdirSync(join(folder, "inner.yaml"));
      writeFileSync(join(folder, "2.yml"), network("two"));
      writeFileSync(join(folder, "1.yaml"), network("one"));
      writeFileSync(join(folder, "notes.txt"), "not ours");
      writeFileSync(
        join(folder, "inner.yaml/3.json"),
        '{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"three"}}',
      );
      const readStdin = async () => network("piped");
      const names = async (options: object) =>
        (await readFiles(options, { readStdin })).map(({ object }) => object.metadata.name);
      expect(await names({ filename: [folder, "-"] })).toEqual(["one", "two", "piped"]);
      expect(await names({ filename: [folder], recursive: ["true"] })).toEqual([
        "one",
        "two",
        "three",
      ]);
      const none = join(folder, "none.yaml");
      expect(names({ filename: [none] })).rejects.toThrow(`There is no file "${none}"`);
      expect(names({ filename: [join(folder, "notes.txt")] })).rejects.toThrow("is no object");
      expect(names({})).rejects.toThrow("Name a file: -f FILE");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("create in one line", () => {
  test("takes fields as YAML has values", () => {
    const words = [
      "port",
      "db-1",
      "network=data",
      "fixedIps=[{address: 10.0.0.9}]",
      "tap.owner=7",
      "tap.group=8",
    ];
    expect(manifestOf(words, ["spec.mac=02:00:00:00:00:01"], ["a=b,c=d", "e="]).object).toEqual({
      apiVersion: "netloom.dev/v1alpha1",
      kind: "Port",
      metadata: { name: "db-1", labels: { a: "b", c: "d", e: "" } },
      spec: {
        network: "data",
        fixedIps: [{ address: "10.0.0.9" }],
        tap: { owner: 7, group: 8 },
        mac: "02:00:00:00:00:01",
      },
    });
  });

  test.each([
    [[], "Say what to create"],
    [["network"], "Name the network: netloom create network NAME"],
    [["network", "type=bridge"], "Name the network"],
    [["network", "a", "typ=bridge"], 'A network has no field "typ": do you mean "type"?'],
    [["network", "a", "__proto__.x=1"], '"__proto__.x=1" can\'t be read'],
    [["network", "a", "constructor.x=1"], 'A network has no field "constructor"'],
    [["network", "a", "type"], '"type" can\'t be read: write FIELD=VALUE'],
    [["subnet", "a", "dns={"], "can't be read as YAML"],
  ])("%j is refused", (words, message) => expect(() => manifestOf(words)).toThrow(message));
});

describe("what is waited for", () => {
  test.each([
    ["delete", "delete"],
    ["condition=Ready", { condition: { type: "Ready", status: "True" } }],
    ["condition=Ready=False", { condition: { type: "Ready", status: "False" } }],
    ["jsonpath={.status.mac}", { jsonpath: "{.status.mac}", value: undefined }],
    ["jsonpath={.status.phase}=Active", { jsonpath: "{.status.phase}", value: "Active" }],
    ["jsonpath={.a[?(@.b=='c')]}=x=y", { jsonpath: "{.a[?(@.b=='c')]}", value: "x=y" }],
  ])("%j", (text, until) => expect<unknown>(untilOf(text)).toEqual(until));

  test.each(["", "ready", "condition=", "jsonpath=.status", "jsonpath={.a"])("not %j", (text) => {
    expect(() => untilOf(text)).toThrow("can't be read: write condition=Ready");
  });
});

describe("times", () => {
  test.each([
    ["30", 30_000],
    ["30s", 30_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1500],
    ["250ms", 250],
    ["90d", 7_776_000_000],
    ["0", 0],
  ])("%j is %d ms", (text, ms) => expect(milliseconds(text)).toBe(ms));
  test.each(["", "s", "-1s", "1 h", "1x"])("%j is refused", (text) => {
    expect(() => milliseconds(text)).toThrow("write 30s, 5m, 24h or 90d");
  });
});

describe("a merge patch", () => {
  const name = fc.constantFrom("a", "b", "c");
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.integer({ min: 0, max: 3 }),
      fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 2 }),
      fc.dictionary(name, tie("value"), { noNullPrototype: true }),
    ),
  }));
  const map = fc.dictionary(name, value, { noNullPrototype: true });

  test("leads from one object to the other, and is none between equals", () => {
    fc.assert(
      fc.property(map, map, (from, to) => {
        expect(mergePatch(from, mergePatchOf(from, to) ?? {})).toEqual(to);
        expect(mergePatchOf(to, structuredClone(to))).toBeUndefined();
      }),
    );
  });
});

describe("exit statuses", () => {
  const refused = (reason: string) => Object.assign(new Error(), { status: { reason } });
  test.each([
    [new Error(), 1],
    [refused("NotFound"), 3],
    [refused("AlreadyExists"), 4],
    [refused("Forbidden"), 5],
    [new UnreachableError(), 6],
    [new UnreachableError("", { cause: new DOMException("", "TimeoutError") }), 8],
    [refused("Invalid"), 7],
    [new TimedOut(), 8],
    [refused("InternalError"), 1],
    [new AggregateError([new Error(), refused("Conflict"), refused("NotFound")]), 4],
  ])("%#", (error, status) => expect(exitStatusOf(error)).toBe(status));
});

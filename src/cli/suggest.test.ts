/** Tests which word is taken for the meant one. */
import { describe, expect, test } from "bun:test";
import { readCommandLine } from "./options.ts";
import { distance, nearest } from "./suggest.ts";

describe("the distance of two words", () => {
  test.each([
    ["", "", 0],
    ["get", "get", 0],
    ["", "get", 3],
    ["gt", "get", 1],
    ["gett", "get", 1],
    ["got", "get", 1],
    ["gte", "get", 1],
    ["dleete", "delete", 1],
    ["netwrok", "network", 1],
    ["abcdef", "badcfe", 3],
  ])("from %j to %j is %d", (from, to, steps) => {
    expect(distance(from, to)).toBe(steps);
    expect(distance(to, from)).toBe(steps);
  });
});

describe("the nearest word", () => {
  const known = ["get", "describe", "delete", "wait", "watch", "network", "networks"];
  test.each([
    ["gte", "get"],
    ["DESCIRBE", "describe"],
    ["netwrok", "network"],
    ["wath", "watch"],
    ["desc", "describe"],
    ["x", undefined],
    ["zebra", undefined],
    ["", undefined],
  ])("to %j is %j", (word, meant) => expect(nearest(word, known)).toBe(meant));
});

describe("options", () => {
  const specs = {
    namespace: { takes: "value", short: "n" },
    all: { takes: "nothing", short: "A" },
    watch: { takes: "nothing", short: "w" },
    "dry-run": { takes: "optional" },
  } as const;
  const read = (...words: string[]) => readCommandLine(words, specs);

  test("may share a word, the last with its value", () => {
    expect(read("-Awn", "blue").options).toEqual({
      all: ["true"],
      watch: ["true"],
      namespace: ["blue"],
    });
    expect(read("-wnblue", "x")).toEqual({
      options: { watch: ["true"], namespace: ["blue"] },
      operands: ["x"],
    });
    expect(read("-n=blue").options).toEqual({ namespace: ["blue"] });
  });

  test("with an optional value take it behind = alone", () => {
    expect(read("--dry-run", "x")).toEqual({ options: { "dry-run": ["true"] }, operands: ["x"] });
    expect(read("--dry-run=server").options).toEqual({ "dry-run": ["server"] });
  });

  test.each([
    [["--namspace=x"], 'Unknown option "--namspace=x": do you mean "--namespace"?'],
    [["--zebra"], 'Unknown option "--zebra": see --help'],
    [["-Ax"], 'Unknown option "-x": see --help'],
    [["-A=1"], "Option --all takes no value"],
    [["-wn"], "Option --namespace needs a value"],
  ])("refuse %j", (words, message) => expect(() => read(...words)).toThrow(message));
});

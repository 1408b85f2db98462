/** Tests columns and differences. */
import { describe, expect, test } from "bun:test";
import { layOut } from "./cells.ts";
import { unifiedDiff } from "./unified-diff.ts";

describe("columns", () => {
  test("are as wide as a terminal shows their cells", () => {
    const rows = [
      ["NAME", "X"],
      ["日本", "1"],
      ["\u001b[32mlonger\u001b[0m", "2"],
      ["e\u0301", ""],
    ];
    expect(layOut(rows)).toEqual([
      "NAME     X",
      "日本     1",
      "\u001b[32mlonger\u001b[0m   2",
      "e\u0301",
    ]);
  });

  test("keep widths that were shown before", () => {
    expect(layOut([["a", "b"]], [4, 1])).toEqual(["a      b"]);
  });

  test("may be none", () => expect(layOut([])).toEqual([]));
});

describe("a unified difference", () => {
  const diff = (from: string, to: string) =>
    unifiedDiff({ name: "live", text: from }, { name: "new", text: to });

  test("of equal texts is empty", () => expect(diff("a\n", "a\n")).toBe(""));

  test("shows three lines around a change, and joins near ones", () => {
    const lines = Array.from({ length: 20 }, (_, at) => `l${at}`);
    const changed = lines.with(4, "X").with(8, "Y").toSpliced(19, 1);
    expect(diff(`${lines.join("\n")}\n`, `${changed.join("\n")}\n`)).toBe(`--- live
+++ new
@@ -2,11 +2,11 @@
 l1
 l2
 l3
-l4
+X
 l5
 l6
 l7
-l8
+Y
 l9
 l10
 l11
@@ -17,4 +17,3 @@
 l16
 l17
 l18
-l19
`);
  });

  test("shows what is new, and what is gone", () => {
    expect(diff("", "a\nb\n")).toBe("--- live\n+++ new\n@@ -0,0 +1,2 @@\n+a\n+b\n");
    expect(diff("a\n", "")).toBe("--- live\n+++ new\n@@ -1,1 +0,0 @@\n-a\n");
  });
});

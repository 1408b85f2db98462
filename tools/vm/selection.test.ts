/** Which tests run in the VM, and that none which is skipped here is lost. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { judgeList, judgeSkips } from "../allowed-skips.ts";
import type { TestCase } from "../junit.ts";
import { choose } from "../suites.ts";
import { judgeVmSkips, settleSkips, vmSuites } from "./selection.ts";

const root = mkdtempSync(join(tmpdir(), "netloom-selection-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const guarded = 'import { needs } from "../support/kernel-features.ts";\n';
const files = {
  "src/kernel/netlink/link.kernel.test.ts": "",
  "src/lib/ip.test.ts": "",
  "test/packets/a.test.ts": "",
  "test/support/kernel-features.kernel.test.ts": guarded.replace("../support", "."),
  "test/vlan/tagged.test.ts": guarded,
  "test/vlan/plain.test.ts": "",
};
for (const [path, text] of Object.entries(files)) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
const paths = Object.keys(files);

const outcome = (name: string, outcome: TestCase["outcome"]): TestCase => {
  return { file: "test/vlan/tagged.test.ts", name, outcome, text: "" };
};

test("the foundation's kernel tests and guarded files run in the VM, tables only in part", () => {
  const suites = vmSuites(root, paths, false);
  const link = "src/kernel/netlink/link.kernel.test.ts";
  expect(suites.map(({ name, files, env }) => [name, files, env?.NETLOOM_VM])).toEqual([
    ["kernel", [link, "test/support/kernel-features.kernel.test.ts"], "needy"],
    ["packets", ["test/packets/a.test.ts"], "whole"],
    ["vlan", ["test/vlan/tagged.test.ts"], "needy"],
  ]);
});

test("what is asked for runs there too", () => {
  const { files: chosen } = choose(paths, ["test/vlan/plain.test.ts", "unit"]);
  expect(vmSuites(root, chosen, true).map(({ files }) => files)).toEqual([
    ["src/lib/ip.test.ts"],
    ["test/vlan/plain.test.ts"],
  ]);
  expect(choose(paths, ["checks", "vlan", "vlam"]).unknown).toEqual(["vlam"]);
});

test("a skip here counts where it ran, and has failed where it did not", () => {
  const here = [
    outcome("plain", "passed"),
    outcome("a (needs vlan)", "skipped"),
    outcome("b (needs vlan)", "skipped"),
  ];
  const { counted, faults } = settleSkips(here, [outcome("a (needs vlan)", "passed")]);
  expect(counted).toEqual([here[0]!]);
  expect(faults.map(({ name, outcome }) => [name, outcome])).toEqual([
    ["b (needs vlan)", "failed"],
  ]);
});

test("a skip in the VM has failed", () => {
  const judged = judgeVmSkips([outcome("a", "skipped"), outcome("b", "passed")]);
  expect(judged.map(({ outcome }) => outcome)).toEqual(["failed", "passed"]);
});

test("a feature's entry allows the skips of tests and groups that name it, and no others", () => {
  const allowed = [{ feature: "vlan", reason: "none here" }];
  const cases = [
    "tags (needs vlan)",
    "tags (needs netem, vlan)",
    "group (needs vlan) > tags",
    "tags",
    "tags (needs vlans)",
    "tags (needs vlan) or not",
  ].map((name) => outcome(name, "skipped"));
  const judged = judgeSkips(cases, allowed).map(({ outcome }) => outcome);
  expect(judged).toEqual(["skipped", "skipped", "skipped", "failed", "failed", "failed"]);
  expect(judgeList(cases, allowed)).toEqual([]);
  expect(judgeList([outcome("tags", "passed")], allowed)[0]!.text).toContain("No test needs");
});

/** Credential files that are renewed, spoilt, or no files. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentialsIn } from "./credentials.ts";

const folder = mkdtempSync(join(tmpdir(), "netloom-credentials-"));
const at = (name: string) => join(folder, name);
const contentOf = (name: string) => readFileSync(at(name), "utf8").trim();
const run = (...argv: string[]) => {
  const done = Bun.spawnSync(argv, { cwd: folder, stderr: "pipe" });
  if (!done.success) throw new Error(String(done.stderr));
};

beforeAll(() => {
  for (const name of ["one", "two"]) {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const names = ["-subj", `/CN=${name}`, "-days", "2", "-keyout", `${name}.key`];
    run("openssl", "req", "-x509", ...key, ...names, "-out", `${name}.crt`);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

function begin(more: object = {}) {
  for (const kind of ["crt", "key"]) copyFileSync(at(`one.${kind}`), at(`own.${kind}`));
  const warnings: string[] = [];
  const files = { cert: at("own.crt"), key: at("own.key"), ...more };
  const now = credentialsIn(files, ({ error }) => warnings.push(String(error)));
  return { now, warnings, files };
}

test("a pair that is renewed is taken up whole, and not before", () => {
  const { now, warnings } = begin();
  const one = { cert: contentOf("one.crt"), key: contentOf("one.key") };
  expect(now()).toEqual(one);
  copyFileSync(at("two.crt"), at("own.crt"));
  expect(now()).toEqual(one);
  expect(now()).toEqual(one);
  expect(warnings).toEqual([
    `The key "${at("own.key")}" is not that of the certificate "${at("own.crt")}"`,
  ]);
  copyFileSync(at("two.key"), at("own.key"));
  expect(now()).toEqual({ cert: contentOf("two.crt"), key: contentOf("two.key") });
});

test("what is spoilt or gone leaves what there was, and is told once", () => {
  const { now, warnings } = begin();
  const before = now();
  const spoils: [string, () => void, string][] = [
    ["own.crt", () => writeFileSync(at("own.crt"), "-----BEGIN"), "holds no certificate in PEM"],
    ["own.key", () => writeFileSync(at("own.key"), "x"), "holds no private key in PEM"],
    ["own.key", () => writeFileSync(at("own.key"), ""), "is empty"],
    ["own.key", () => rmSync(at("own.key")), "no such file"],
  ];
  for (const [name, spoil, words] of spoils) {
    for (const kind of ["crt", "key"]) copyFileSync(at(`one.${kind}`), at(`own.${kind}`));
    now();
    warnings.length = 0;
    spoil();
    for (let i = 0; i < 3; i++) expect(now()).toEqual(before);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(at(name));
    expect(warnings[0]).toContain(words);
  }
});

test("what is no file is read once", () => {
  run("mkfifo", "pipe");
  const writer = Bun.spawn(["sh", "-c", "echo secret > pipe"], { cwd: folder });
  const { now } = begin({ token: at("pipe") });
  for (let i = 0; i < 2; i++) expect(now()).toMatchObject({ token: "secret" });
  expect(writer.killed).toBe(false);
});

test("at first they must be right", () => {
  writeFileSync(at("garbage"), "x");
  writeFileSync(at("empty"), "\n");
  expect(() => credentialsIn({ ca: at("garbage") }, () => {})).toThrow("holds no certificate");
  expect(() => credentialsIn({ token: at("empty") }, () => {})).toThrow("is empty");
  expect(() => credentialsIn({ token: at("nowhere") }, () => {})).toThrow("no such file");
});

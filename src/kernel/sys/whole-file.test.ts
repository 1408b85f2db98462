/** Files replaced as a whole, also when that fails half way. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { namesIfThere, readIfThere, replaceFile } from "./whole-file.ts";

const dir = mkdtempSync(join(tmpdir(), "netloom-whole-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("the folder and the file are made for root alone", () => {
  replaceFile(`${dir}/a/one`, "1");
  expect(readFileSync(`${dir}/a/one`, "utf8")).toBe("1");
  expect(statSync(`${dir}/a`).mode & 0o777).toBe(0o700);
  expect(statSync(`${dir}/a/one`).mode & 0o777).toBe(0o600);
});

test("a write that fails leaves the old text, and nothing beside it", () => {
  replaceFile(`${dir}/b/one`, "old");
  const fails = () => {
    throw new Error("the disk is full");
  };
  expect(() => replaceFile(`${dir}/b/one`, "new", fails)).toThrow("the disk is full");
  expect(readdirSync(`${dir}/b`)).toEqual(["one"]);
  expect(readIfThere(`${dir}/b/one`)).toBe("old");
});

test("what is not there is no error, anything else is", () => {
  expect(readIfThere(`${dir}/none`)).toBeUndefined();
  expect(namesIfThere(`${dir}/none`)).toEqual([]);
  expect(() => readIfThere(dir)).toThrow();
  expect(() => namesIfThere(`${dir}/b/one`)).toThrow();
});

/** Passwords of sessions, from files. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPassword } from "./password.ts";

const dir = mkdtempSync(join(tmpdir(), "netloom-password-"));
afterAll(() => rmSync(dir, { recursive: true }));

function file(text: string, mode = 0o600): string {
  const path = join(dir, "password");
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test("the first line is the password, without its end", () => {
  expect(readPassword(file("s3cret\r\nmore"))).toBe("s3cret");
  expect(readPassword(file("with space", 0o640))).toBe("with space");
});

test("a file that can't serve is refused with what to mend", () => {
  const bad: [string, number, string][] = [
    ["secret", 0o644, "is open to everybody: chmod 600"],
    ["\nsecret", 0o600, "begins with an empty line"],
    ["x".repeat(81), 0o600, "has more than 80 bytes"],
  ];
  for (const [text, mode, words] of bad)
    expect(() => readPassword(file(text, mode))).toThrow(words);
  expect(() => readPassword(join(dir, "none"))).toThrow("no such file");
});

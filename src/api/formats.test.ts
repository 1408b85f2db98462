/** Forms of texts: which have them, and their canonical text. */
import { expect, test } from "bun:test";
import { canonicalText, wrongFormat } from "./formats.ts";
import type { Format } from "./schema.ts";

const good: readonly [Format, string, canonical?: string][] = [
  ["ip", "10.1.0.5"],
  ["ip", "FD00:0::5", "fd00::5"],
  ["cidr", "10.1.0.0/24"],
  ["cidr", "0.0.0.0/0"],
  ["cidr", "FD00:1:0::/64", "fd00:1::/64"],
  ["mac", "02:00:5E:00:53:01", "02:00:5e:00:53:01"],
  ["name", "a"],
  ["name", "a-1".padEnd(63, "x")],
  ["reference", "blue"],
  ["reference", "team-a/blue"],
  ["link", "eth0.100"],
  ["link", "é".repeat(7)],
  ["date-time", "2026-01-31T12:00:00Z"],
  ["date-time", "2026-01-31T12:00:00.123456Z"],
];

const bad: readonly [Format, string][] = [
  ["ip", "10.1.0.05"],
  ["ip", "10.1.0.0/24"],
  ["ip", "fd00::1%eth0"],
  ["ip", ""],
  ["cidr", "10.1.0.5/24"],
  ["cidr", "10.1.0.0/33"],
  ["cidr", "10.1.0.0"],
  ["cidr", "10.1.0.0/024"],
  ["mac", "01:00:5e:00:00:01"],
  ["mac", "00:00:00:00:00:00"],
  ["mac", "02-00-5e-00-53-01"],
  ["name", "Blue"],
  ["name", "-a"],
  ["name", ""],
  ["name", "a".repeat(64)],
  ["name", "a\n"],
  ["reference", "a/b/c"],
  ["reference", "../etc"],
  ["reference", "/a"],
  ["link", "a/b"],
  ["link", "eth 0"],
  ["link", ".."],
  ["link", "é".repeat(8)],
  ["link", 'x";drop\0'],
  ["link", "x%d"],
  ["date-time", "2026-02-31T12:00:00Z"],
  ["date-time", "2026-01-31T12:00:00+02:00"],
  ["date-time", "yesterday"],
];

for (const [format, text, canonical = text] of good) {
  test(`${format}: ${JSON.stringify(text)} is one, and its canonical text is itself again`, () => {
    expect(wrongFormat(format, text)).toBeUndefined();
    expect(canonicalText(format, text)).toBe(canonical);
    expect(canonicalText(format, canonical)).toBe(canonical);
  });
}

for (const [format, text] of bad) {
  test(`${format}: ${JSON.stringify(text)} is none, and stays as it is`, () => {
    expect(wrongFormat(format, text)).toBeString();
    expect(canonicalText(format, text)).toBe(text);
  });
}

test("a network with bits beyond its prefix is told which network is meant", () => {
  expect(wrongFormat("cidr", "10.1.0.5/24")).toBe(
    "must have no bits beyond its prefix: 10.1.0.0/24",
  );
});

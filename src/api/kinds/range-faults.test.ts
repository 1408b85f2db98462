/** Ranges of pools and subnets, and DNS settings, that can't be. */
import { describe, expect, test } from "bun:test";
import { parsePrefix } from "../../lib/prefix.ts";
import { ipPoolKind } from "./ip-pool.ts";
import { portKind } from "./port.ts";
import { rangeFaults } from "./range-faults.ts";
import { checkSubnet } from "./subnet-check.ts";

const cidr = { text: "10.1.0.0/24", prefix: parsePrefix("10.1.0.0/24") };
const told = (faults: readonly { path: string; message: string }[]) =>
  faults.map(({ path, message }) => `${path}: ${message}`);

describe("ranges", () => {
  const table: [start: string, end: string, fault: string][] = [
    ["10.1.0.9", "10.1.0.3", "spec.ranges[1]: must not end before its start 10.1.0.9"],
    ["10.1.0.9", "fd00::1", "spec.ranges[1].end: must be an address of 10.1.0.0/24"],
    ["10.2.0.1", "10.1.0.9", "spec.ranges[1].start: must be an address of 10.1.0.0/24"],
    ["10.1.0.5", "10.1.0.30", "spec.ranges[1]: overlaps ranges[0]: join them, or move one"],
  ];
  const first = { start: "10.1.0.10", end: "10.1.0.20" };
  test.each(table)("%s to %s are refused", (start, end, fault) => {
    expect(told(rangeFaults([first, { start, end }], "spec.ranges", cidr))).toEqual([fault]);
  });

  test("beside one another are taken", () => {
    const next = { start: "10.1.0.21", end: "10.1.0.21" };
    expect(rangeFaults([first, next], "spec.ranges", cidr)).toEqual([]);
  });

  test("of a pool are of one family, though its subnet is not to be seen", () => {
    const ranges = [{ start: "10.1.0.9", end: "fd00::1" }];
    const pool = { metadata: { name: "p" }, spec: { subnet: "a/b", ranges, sticky: false } };
    expect(told(ipPoolKind.check?.(pool as never) ?? [])).toEqual([
      "spec.ranges[0]: must not end before its start 10.1.0.9",
    ]);
  });
});

test("DNS settings are words of resolv.conf, and can't begin a line of it", () => {
  const faults = (dns: object) =>
    checkSubnet({ spec: { cidr: "10.1.0.0/24", dns } }).map(({ path }) => path);
  const fine = { domain: "corp.example", search: [".", "a.b.", "_tcp.x"], options: ["ndots:2"] };
  expect(faults(fine)).toEqual([]);
  const bad = {
    domain: "a\nnameserver 192.0.2.1",
    search: ["x y", "", "-a", "a".repeat(255)],
    options: ["a\nb", "", "a b"],
  };
  expect(faults(bad)).toEqual([
    ...["spec.dns.domain", "spec.dns.search[0]", "spec.dns.search[1]", "spec.dns.search[2]"],
    ...["spec.dns.search[3]", "spec.dns.options[0]", "spec.dns.options[1]", "spec.dns.options[2]"],
  ]);
});

test("one port of the host leads to one place", () => {
  const port = (publish: readonly object[]) => ({
    metadata: { name: "p" },
    spec: { network: "n", type: "container", publish },
  });
  const at = (hostPort: number, more: object = {}) => ({
    ...{ hostPort, containerPort: 80, protocol: "tcp" },
    ...more,
  });
  const faults = (...publish: object[]) => told(portKind.check?.(port(publish) as never) ?? []);
  expect(faults(at(81), at(82), at(81, { protocol: "udp" }))).toEqual([]);
  expect(faults(at(81, { hostIp: "192.0.2.1" }), at(81, { hostIp: "192.0.2.2" }))).toEqual([]);
  expect(faults(at(81, { hostIp: "192.0.2.1" }), at(81))).toEqual([
    "spec.publish[1]: publish[0] leads from 81 too",
  ]);
});

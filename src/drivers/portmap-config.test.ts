/** What of a port mapping's configuration is taken, and how the rest is refused. */
import { expect, test } from "bun:test";
import { parsePortmapConfig } from "./portmap-config.ts";

const parse = (mapping: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  parsePortmapConfig({
    ...more,
    runtimeConfig: { portMappings: [{ hostPort: 80, containerPort: 8080, ...mapping }] },
  });

const hostIps: [string, string, string | undefined][] = [
  ["an IPv4 address", "127.0.0.1", "127.0.0.1"],
  ["an IPv6 address, made canonical", "2001:DB8:0::1", "2001:db8::1"],
  ["an IPv4 address in IPv6's clothing", "::ffff:127.0.0.1", "127.0.0.1"],
  ["empty text, which is every address", "", undefined],
];
test.each(hostIps)("hostIP takes %s", (_, given, taken) => {
  expect(parse({ hostIP: given }).mappings[0]!.hostIP).toBe(taken);
});

const refused: [string, Record<string, unknown>, string][] = [
  ["IPv6's loopback", { hostIP: "::1" }, "portMappings[0].hostIP: cannot be ::1"],
  ["IPv6's loopback in full", { hostIP: "0:0:0:0:0:0:0:1" }, "hostIP: cannot be ::1"],
  ["a range past the last port", { hostPort: 65535, range: 2 }, "range: leads past port 65535"],
  [
    "a range past the container's last port",
    { containerPort: 65000, range: 537 },
    "range: leads past port 65535",
  ],
  ["another protocol", { protocol: "icmp" }, "portMappings[0].protocol"],
  ["port 0", { hostPort: 0 }, "portMappings[0].hostPort"],
];
test.each(refused)("refuses %s with the field's path", (_, mapping, says) => {
  expect(() => parse(mapping)).toThrow(says);
});

test("takes a range that ends at the last port", () => {
  expect(parse({ hostPort: 65534, range: 2 }).mappings[0]!.range).toBe(2);
});

const untranslated: [string, Record<string, unknown>][] = [
  ["externalSetMarkChain", { externalSetMarkChain: "KUBE-MARK-MASQ" }],
  ["conditionsV4", { conditionsV4: ["!", "-d", "192.0.2.0/24"] }],
  ["conditionsV6", { conditionsV6: ["!", "-d", "2001:db8::/32"] }],
];
test.each(untranslated)("refuses %s by name, and says what to do", (field, more) => {
  expect(() => parse({}, more)).toThrow(new RegExp(`^${field}: .*(remove|use)`));
});

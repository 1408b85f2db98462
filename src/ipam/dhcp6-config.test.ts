/** What a configuration may ask of DHCPv6, and what it may not. */
import { describe, expect, test } from "bun:test";
import { ConfigError } from "../model/config-error.ts";
import { parseDhcp } from "./dhcp-config.ts";

const parse = (ipam: object, more: object = {}, cniArgs: [string, string][] = []) =>
  parseDhcp({ ipam: { type: "dhcp", ...ipam }, ...more }, new Map(cniArgs)).order;

describe("families", () => {
  test("IPv4 alone is asked for unless the user says otherwise, as by the reference", () => {
    expect(Object.keys(parse({}))).toEqual(["v4"]);
    for (const ipv6 of [false, null]) expect(Object.keys(parse({ ipv6 }))).toEqual(["v4"]);
    expect(Object.keys(parse({ ipv6: true }))).toEqual(["v4", "v6"]);
    expect(Object.keys(parse({ ipv6: {} }))).toEqual(["v4", "v6"]);
    expect(Object.keys(parse({ ipv4: false, ipv6: true }))).toEqual(["v6"]);
  });

  test("conflicts are looked for in both alike", () => {
    expect(parse({ ipv6: true, conflictDetection: "off" }).v6?.conflictDetection).toBe("off");
  });
});

describe("options", () => {
  const v6 = (ipv6: object, more: object = {}, cniArgs: [string, string][] = []) =>
    parse({ ipv6 }, more, cniArgs).v6!;

  test("resolvers and search domains are requested, and what the user adds", () => {
    expect(v6({}).request).toEqual([23, 24]);
    expect(v6({ request: [{ option: "59" }, { option: 23 }] }).request).toEqual([59, 23, 24]);
    const alone = v6({ request: [{ skipDefault: true, option: "name-servers" }] });
    expect(alone.request).toEqual([23]);
    expect(v6({ request: [{ skipDefault: true }] }).request).toEqual([]);
  });

  const values: [string, string, string][] = [
    ["fqdn", "blue", "0104626c7565"],
    ["fqdn", "blue.example", "0104626c756507657861" + "6d706c6500"],
    ["fqdn", "blue.example.", "0104626c756507657861" + "6d706c6500"],
    ["user-class", "ipxe", "000469707865"],
    ["vendor-class", "311:MSFT 5.0", "00000137" + "0008" + "4d53465420352e30"],
    ["17", "ab", "6162"],
  ];
  for (const [option, value, hex] of values) {
    test(`${option} "${value}" is written as its RFC has it`, () => {
      expect(v6({ provide: [{ option, value }] }).provide[0]?.value).toBe(hex);
    });
  }

  test("a value may come from the caller, and none is sent where he gives none", () => {
    const ipv6 = { provide: [{ option: "fqdn", fromArg: "NAME" }] };
    expect(v6(ipv6).provide).toEqual([]);
    expect(v6(ipv6, {}, [["NAME", "a"]]).provide).toEqual([{ code: 39, value: "010161" }]);
    const args = { cni: { NAME: "b" } };
    expect(v6(ipv6, { args }, [["NAME", "a"]]).provide).toEqual([{ code: 39, value: "010162" }]);
  });

  test("two messages instead of four are a wish of their own", () => {
    expect(v6({ rapidCommit: true }).provide).toEqual([{ code: 14, value: "" }]);
  });
});

describe("what is refused, with its place and what to do", () => {
  const provided = (option: unknown, value: unknown = "x") => ({
    ipv6: { provide: [{ option, value }] },
  });
  const bad: [string, object, string, string][] = [
    ["no family", { ipv4: false }, "ipam.ipv4", 'set "ipv6" to true'],
    ["no family, in words", { ipv4: false, ipv6: false }, "ipam.ipv4", 'set "ipv6" to true'],
    ["a text for IPv6", { ipv6: "yes" }, "ipam.ipv6", "yes"],
    ["a text for IPv4", { ipv4: "no" }, "ipam.ipv4", "no"],
    ["an option that is none", provided("host-name"), "ipam.ipv6.provide[0].option", "fqdn"],
    ["option 0", provided(0), "ipam.ipv6.provide[0].option", "1 to 65535"],
    ["option 65536", provided(65536), "ipam.ipv6.provide[0].option", "1 to 65535"],
    ["a client's own DUID", provided(1), "ipam.ipv6.provide[0].option", "leave it out"],
    ["rapid commit as an option", provided("14"), "ipam.ipv6.provide[0].option", "rapidCommit"],
    ["a vendor without a number", provided("vendor-class"), "ipam.ipv6.provide[0].value", "311:"],
    [
      "a vendor beyond 32 bits",
      provided("vendor-class", "4294967296:x"),
      "ipam.ipv6.provide[0].value",
      "IANA",
    ],
    ["a name with a space", provided("fqdn", "a b"), "ipam.ipv6.provide[0].value", "domain name"],
    ["an empty label", provided("fqdn", "a..b"), "ipam.ipv6.provide[0].value", "domain name"],
    ["a value too long", provided("17", "x".repeat(256)), "ipam.ipv6.provide[0]", "255 fit"],
    ["a list for an object", { ipv6: { provide: {} } }, "ipam.ipv6.provide", "list"],
  ];
  for (const [name, ipam, path, said] of bad) {
    test(name, () => {
      let caught: unknown;
      try {
        parse(ipam);
      } catch (error) {
        caught = error;
      }
      expect(caught).toBeInstanceOf(ConfigError);
      expect((caught as ConfigError).path).toBe(path);
      expect((caught as ConfigError).message).toContain(said);
    });
  }
});

/** Tests how a plugin's configuration is read. */
import { describe, expect, test } from "bun:test";
import { readConf, readDocument } from "./config.ts";

const read = (value: unknown) => {
  const { raw, cniVersion } = readDocument(JSON.stringify(value));
  return readConf(raw, cniVersion);
};

describe("a document", () => {
  for (const [name, json, message] of [
    ["is empty", "", "it is empty"],
    ["is white space", " \n", "it is empty"],
    ["is cut short", '{"name": "n"', "as JSON"],
    ["has more after its end", '{"name": "n"} x', "as JSON"],
    ["is a list", "[]", "must be a JSON object, not []"],
    ["is null", "null", "must be a JSON object, not null"],
    ["is text", '"bridge"', 'must be a JSON object, not "bridge"'],
  ] as const) {
    test(`that ${name} gets code 6`, () => {
      expect(() => readDocument(json)).toThrow(message);
      expect(() => readDocument(json)).toThrow(expect.objectContaining({ code: 6 }));
    });
  }

  test("may nest as deep as anybody needs, and brackets in texts don't count", () => {
    const nested = `${"[".repeat(999)}${"]".repeat(999)}`;
    const brackets = JSON.stringify('["'.repeat(2000));
    const json = `{"cniVersion":"1.0.0","a":${nested},"b":${brackets}}`;
    expect(readDocument(json).cniVersion).toBe("1.0.0");
    expect(() => readDocument(`{"a":[${nested}]}`)).toThrow("nests deeper than 1000 levels");
  });

  for (const [given, meant] of [
    [undefined, "0.1.0"],
    [null, "0.1.0"],
    ["", "0.1.0"],
    ["0.2.0", "0.2.0"],
    ["1.1.0", "1.1.0"],
  ] as const) {
    test(`with cniVersion ${JSON.stringify(given)} is of version ${meant}`, () => {
      expect(readDocument(JSON.stringify({ cniVersion: given })).cniVersion).toBe(meant);
    });
  }

  for (const version of ["1.2.0", "0.0.1", "1.0", "v1.0.0", "toString"]) {
    test(`of version "${version}" gets code 1 and is told what is supported`, () => {
      const json = JSON.stringify({ cniVersion: version });
      expect(() => readDocument(json)).toThrow(
        expect.objectContaining({ code: 1, details: expect.stringContaining("0.1.0, 0.2.0") }),
      );
    });
  }

  test("with a version that is no text names the field", () => {
    expect(() => readDocument('{"cniVersion": 1}')).toThrow("cniVersion: must be a string, not 1");
  });
});

describe("a configuration", () => {
  test("gives the fields that every plugin has", () => {
    const conf = read({
      cniVersion: "1.0.0",
      name: "blue",
      type: "bridge",
      ipam: { type: "host-local", subnet: "10.1.0.0/24" },
      dns: { nameservers: ["10.1.0.1"], search: [] },
      runtimeConfig: { mac: "02:00:00:00:00:01" },
      args: { cni: { ips: ["10.1.0.9"] } },
      prevResult: { ips: [] },
      mtu: 1400,
    });
    expect(conf).toMatchObject({
      cniVersion: "1.0.0",
      name: "blue",
      type: "bridge",
      ipam: { type: "host-local" },
      dns: { nameservers: ["10.1.0.1"] },
      runtimeConfig: { mac: "02:00:00:00:00:01" },
      cniArgs: { ips: ["10.1.0.9"] },
      prevResult: { ips: [] },
      raw: { mtu: 1400 },
    });
    expect(conf.dns).toEqual({ nameservers: ["10.1.0.1"] });
  });

  test("takes absent and null fields as empty", () => {
    const nothing = { ipam: null, dns: null, runtimeConfig: null, args: null, prevResult: null };
    for (const conf of [read({ name: "n" }), read({ name: "n", ...nothing })]) {
      expect(conf.ipam).toBeUndefined();
      expect(conf.prevResult).toBeUndefined();
      expect(conf).toMatchObject({ type: "", dns: {}, runtimeConfig: {}, cniArgs: {} });
    }
  });

  for (const ipam of [{}, { type: "" }, { type: null }]) {
    test(`with ipam ${JSON.stringify(ipam)} has no IPAM`, () => {
      expect(read({ name: "n", ipam }).ipam).toBeUndefined();
    });
  }

  for (const [name, document, message] of [
    ["no name", {}, "name: missing"],
    ["an empty name", { name: "" }, 'name: must be a non-empty string, not ""'],
    ["a name that leads elsewhere", { name: "../n" }, "name: must be a name of letters"],
    ["a name with a slash", { name: "a/b" }, 'not "a/b"'],
    ["a name that begins with a dot", { name: ".n" }, 'not ".n"'],
    ["a name with a newline", { name: "n\n" }, 'not "n\\n"'],
    ["a type that is no text", { name: "n", type: 1 }, "type: must be a string, not 1"],
    ["ipam as text", { name: "n", ipam: "dhcp" }, 'ipam: must be an object, not "dhcp"'],
    ["ipam's type as a list", { name: "n", ipam: { type: [] } }, "ipam.type: must be a string"],
    ["dns as a list", { name: "n", dns: [] }, "dns: must be an object, not []"],
    ["a nameserver as a number", { name: "n", dns: { nameservers: [8] } }, "dns.nameservers[0]"],
    ["runtimeConfig as text", { name: "n", runtimeConfig: "x" }, "runtimeConfig: must be an obj"],
    ["args.cni as a list", { name: "n", args: { cni: [] } }, "args.cni: must be an object"],
  ] as const) {
    test(`with ${name} is refused with the field's path`, () => {
      expect(() => read(document)).toThrow(message);
      expect(() => read(document)).toThrow(expect.objectContaining({ name: "ConfigError" }));
    });
  }
});

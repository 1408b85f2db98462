/** What a runtime asks of a link plugin beside its configuration. */
import { expect, test } from "bun:test";
import { requestedAliases, requestedDns, requestedMac } from "./capabilities.ts";
import type { Call } from "./plugin.ts";

function callWith(
  runtimeConfig: Record<string, unknown>,
  more: { cniArgs?: Record<string, unknown>; mac?: string } = {},
): Call {
  const values = new Map(more.mac === undefined ? [] : [["MAC", more.mac]]);
  return {
    runtimeConfig,
    args: { values },
    conf: { cniArgs: more.cniArgs ?? {} },
  } as unknown as Call;
}

const runtime = "02:00:5e:00:53:01";
const user = "02:00:5e:00:53:02";
const environment = "02:00:5e:00:53:03";

test("the runtime's hardware address counts before the user's, and that before CNI_ARGS", () => {
  const others = { cniArgs: { mac: user }, mac: environment };
  expect(requestedMac(callWith({ mac: runtime }, others))).toBe(runtime);
  expect(requestedMac(callWith({}, others))).toBe(user);
  expect(requestedMac(callWith({}, { mac: environment }))).toBe(environment);
  expect(requestedMac(callWith({}))).toBeUndefined();
});

test("the capability dns becomes a resolver, and one that holds nothing is none", () => {
  const dns = { servers: ["10.0.0.2"], searches: ["a.example"], options: ["ndots:2"] };
  expect(requestedDns(callWith({ dns }))).toEqual({
    nameservers: ["10.0.0.2"],
    search: ["a.example"],
    options: ["ndots:2"],
  });
  for (const empty of [undefined, null, {}, { servers: [] }]) {
    expect(requestedDns(callWith({ dns: empty }))).toBeUndefined();
  }
});

test("aliases are a list of names", () => {
  expect(requestedAliases(callWith({ aliases: ["web", "www"] }))).toEqual(["web", "www"]);
  expect(requestedAliases(callWith({}))).toEqual([]);
});

const wrongs: readonly (readonly [string, () => unknown])[] = [
  ["runtimeConfig.mac", () => requestedMac(callWith({ mac: "ff:ff:ff:ff:ff:ff" }))],
  ["args.cni.mac", () => requestedMac(callWith({}, { cniArgs: { mac: 5 } }))],
  ["runtimeConfig.dns", () => requestedDns(callWith({ dns: "10.0.0.2" }))],
  ["runtimeConfig.dns.servers[0]", () => requestedDns(callWith({ dns: { servers: ["x"] } }))],
  ["runtimeConfig.aliases[1]", () => requestedAliases(callWith({ aliases: ["a", 1] }))],
];
test.each(wrongs)("a wrong %s is refused by its path", (path, work) => {
  expect(work).toThrow(expect.objectContaining({ name: "ConfigError", path }));
});

/** Throws arbitrary input at the protocol: each call is answered, never as a defect of ours. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { silentLog } from "../lib/log.ts";
import { readResult } from "./result.ts";
import { answer } from "./run.ts";
import { emptyResult, specVersions } from "./types.ts";

const anyValue = fc.jsonValue({ maxDepth: 3 });
const anyAddress = fc.constantFrom("10.1.0.5/24", "fd00::5/64", "10.1.0.5", "x", "", "0/0");
const field = <T>(likely: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: likely }, { weight: 1, arbitrary: anyValue });
const some = { requiredKeys: [] as [] };

const anyResult = fc.record(
  {
    cniVersion: field(fc.constantFrom(...specVersions)),
    interfaces: field(fc.array(fc.record({ name: field(fc.string()), mac: anyValue }, some))),
    ips: field(
      fc.array(fc.record({ address: field(anyAddress), interface: field(fc.nat(3)) }, some)),
    ),
    routes: field(fc.array(fc.record({ dst: field(anyAddress), gw: field(anyAddress) }, some))),
    ip4: field(fc.record({ ip: field(anyAddress), routes: anyValue }, some)),
    dns: field(fc.record({ nameservers: field(fc.array(fc.string())) }, some)),
  },
  some,
);

const anyDocument = fc.record(
  {
    cniVersion: field(fc.constantFrom(...specVersions)),
    name: field(fc.constant("net")),
    type: field(fc.constant("fake")),
    ipam: field(fc.record({ type: anyValue }, some)),
    dns: field(fc.constant({})),
    args: field(fc.record({ cni: anyValue }, some)),
    runtimeConfig: field(fc.constant({})),
    prevResult: field(anyResult),
    "cni.dev/valid-attachments": field(fc.array(fc.record({ containerID: anyValue }, some))),
  },
  some,
);

const anyText = fc.oneof(
  anyDocument.map((document) => JSON.stringify(document)),
  anyDocument.map((document) => JSON.stringify(document).slice(0, -1)),
  anyValue.map((value) => JSON.stringify(value)),
  fc.string(),
);

/** Mostly right, so that calls get past it. */
const mostly = (...right: readonly string[]) =>
  fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...right) },
    { weight: 1, arbitrary: fc.string() },
  );

const anyEnv = fc.record({
  CNI_COMMAND: mostly("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"),
  CNI_CONTAINERID: mostly("c1"),
  CNI_IFNAME: mostly("eth0"),
  CNI_NETNS: mostly("", "/nowhere", "/etc/passwd", "/proc/self/ns/net"),
  CNI_NETNS_OVERRIDE: mostly("", "1"),
  CNI_ARGS: mostly(""),
  CNI_PATH: mostly("/x"),
});

const right = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_IFNAME: "eth0",
  CNI_NETNS: "/nowhere",
  CNI_NETNS_OVERRIDE: "",
  CNI_ARGS: "",
  CNI_PATH: "/x",
};

const plugin = {
  type: "fake",
  add: () => emptyResult,
  del: () => {},
  check: () => {},
  gc: () => {},
  status: () => {},
};

/** All right but the namespace, which chance alone may not bring in one run. */
const noNetns: [Record<keyof typeof right, string>, string] = [
  { ...right, CNI_NETNS: "/etc/passwd" },
  JSON.stringify({ cniVersion: "1.1.0", name: "net", type: "fake" }),
];

/** What input alone can lead to; above all not 999. */
const codes = [1, 4, 6, 7, 8];

describe("whatever a runtime sends", () => {
  test("every call is answered as CNI says", async () => {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(anyEnv, anyText, async (env, stdin) => {
        const caller = { env, stdin: () => stdin, log: silentLog };
        const entry = { type: "fake", load: async () => plugin };
        const { text, status } = await answer(entry, caller);
        if (status === 0) {
          seen.add(0);
          if (text !== "") JSON.parse(text);
          return;
        }
        const { code, msg, cniVersion } = JSON.parse(text);
        seen.add(code);
        expect(codes).toContain(code);
        expect(msg.length).toBeGreaterThan(0);
        expect(specVersions).toContain(cniVersion);
      }),
      { numRuns: 1500, examples: [noNetns] },
    );
    // Otherwise the input is too poor to tell anything.
    for (const code of [0, ...codes]) expect(seen).toContain(code);
  });

  test("a result is read, or refused with the path of its fault", () => {
    fc.assert(
      fc.property(fc.oneof(anyResult, anyValue), fc.constantFrom(...specVersions), (value, of) => {
        try {
          readResult(value, of, "prevResult");
        } catch (error) {
          expect((error as Error).name).toBe("ConfigError");
          expect((error as Error).message).toStartWith("prevResult");
        }
      }),
      { numRuns: 1500 },
    );
  });
});

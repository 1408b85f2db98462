/** Defaults, canonical text and unknown fields. */
import { expect, test } from "bun:test";
import { networkKind } from "./kinds/network.ts";
import { portKind } from "./kinds/port.ts";
import { canonical, prune, unknownFields, withDefaults } from "./shape.ts";

const port = {
  network: "blue",
  host: null,
  mac: "02:00:5E:00:53:01",
  fixedIps: [{ address: "FD00::0:5", adress: "x" }],
  publish: [{ hostPort: 80, containerPort: 8080 }],
  extra: 1,
};

test("defaults are filled in within lists too, but absent objects stay absent", () => {
  const filled = withDefaults(portKind.spec, port) as any;
  expect(filled.type).toBe("container");
  expect(filled.publish).toEqual([{ hostPort: 80, containerPort: 8080, protocol: "tcp" }]);
  expect(filled.tap).toBeUndefined();
  expect("host" in filled).toBe(false);
  expect(withDefaults(networkKind.spec, { hairpin: false }) as any).toMatchObject({
    hairpin: false,
    antiSpoofing: true,
    mtu: 0,
  });
});

test("addresses and MACs get their canonical text, and wrong ones stay for validation", () => {
  expect(canonical(portKind.spec, port) as any).toMatchObject({
    mac: "02:00:5e:00:53:01",
    fixedIps: [{ address: "fd00::5" }],
  });
  expect(canonical(portKind.spec, { ...port, mac: "x" }).mac).toBe("x");
});

test("the value given is left as it was", () => {
  const before = structuredClone(port);
  withDefaults(portKind.spec, port);
  prune(portKind.spec, port);
  expect(port).toEqual(before);
});

test("unknown fields are told by path, and pruned", () => {
  expect(unknownFields(portKind.spec, port, "spec")).toEqual([
    "spec.fixedIps[0].adress",
    "spec.extra",
  ]);
  const pruned = prune(portKind.spec, port);
  expect(unknownFields(portKind.spec, pruned, "spec")).toEqual([]);
  expect(pruned.network).toBe("blue");
});

test("names of a prototype's members are unknown fields and set no prototype", () => {
  const evil = JSON.parse('{"network":"b","__proto__":{"host":"x"},"constructor":{"a":1}}');
  expect(unknownFields(portKind.spec, evil, "spec").sort()).toEqual([
    "spec.__proto__",
    "spec.constructor",
  ]);
  for (const shaped of [withDefaults(portKind.spec, evil), prune(portKind.spec, evil)]) {
    expect(Object.getPrototypeOf(shaped)).toBe(Object.prototype);
    expect(shaped.host).toBeUndefined();
  }
  expect(({} as any).host).toBeUndefined();
});

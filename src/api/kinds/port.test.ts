/** Ports' fields that go with some types, or with other fields, only. */
import { expect, test } from "bun:test";
import { portKind } from "./port.ts";

const faults = (spec: object) =>
  portKind.check!({ metadata: { name: "web" }, spec: { type: "container", ...spec } } as never).map(
    ({ path, reason }) => `${path} ${reason.replace("FieldValue", "")}`,
  );

const second = ["spec.fixedIps[1] Invalid"];
const table: [string, object[], string[]][] = [
  ["one of each subnet", [{ subnet: "a" }, { subnet: "b", address: "10.2.0.9" }], []],
  ["addresses alone", [{ address: "10.1.0.20" }, { address: "10.1.0.21" }], []],
  ["nothing", [{}, {}], ["spec.fixedIps[0] Required", "spec.fixedIps[1] Required"]],
  ["a subnet twice", [{ subnet: "a" }, { subnet: "a", address: "10.1.0.20" }], second],
  ["an address twice", [{ address: "10.1.0.20" }, { subnet: "a", address: "10.1.0.20" }], second],
];

for (const [name, fixedIps, found] of table) {
  test(`a port that asks for ${name}`, () => expect(faults({ fixedIps })).toEqual(found));
}

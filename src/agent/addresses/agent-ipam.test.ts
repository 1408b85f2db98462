/** Which addresses a port is to have, one of each subnet. */
import { expect, test } from "bun:test";
import type { Port, Subnet } from "../../api/kinds/index.ts";
import { wishesOf } from "./agent-ipam.ts";

const subnets = ["10.1.0.0/24", "10.2.0.0/24"].map(
  (cidr, i) => ({ metadata: { name: "ab"[i] }, spec: { cidr } }) as unknown as Subnet,
);
const wishes = (fixedIps: object[]) =>
  wishesOf(subnets, { spec: { fixedIps } } as unknown as Port).map(
    ({ subnet, address }) => `${subnet.metadata.name} ${address ?? "any"}`,
  );

test("a port has what it asks for, and one of each subnet if it asks for nothing", () => {
  expect(wishes([])).toEqual(["a any", "b any"]);
  expect(wishes([{ address: "10.2.0.9" }, { subnet: "a" }])).toEqual(["b 10.2.0.9", "a any"]);
});

test("a port that asks for two addresses of one subnet is refused with the second", () => {
  const two = [{ address: "10.1.0.20" }, { address: "10.1.0.21" }];
  expect(() => wishes(two)).toThrow(
    'spec.fixedIps[1]: a port has one address of each subnet, and [0] is of "a" too',
  );
});

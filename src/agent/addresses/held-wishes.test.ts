/** What a port keeps when it is to have other addresses. */
import { expect, test } from "bun:test";
import type { Subnet } from "../../api/kinds/index.ts";
import { heldWishes } from "./held-wishes.ts";

const subnet = (name: string) => ({ metadata: { name } }) as unknown as Subnet;
const [a, b] = [subnet("a"), subnet("b")];
const held = [{ address: "10.1.0.9", subnet: "a" }];

const table: [string, Parameters<typeof heldWishes>[0], ReturnType<typeof heldWishes>][] = [
  [
    "any address of its subnet is the one that it has",
    [{ subnet: a }],
    { wishes: [{ subnet: a, address: "10.1.0.9" }], surplus: [] },
  ],
  [
    "a further subnet is a further wish, in its place",
    [{ subnet: b }, { subnet: a }],
    { wishes: [{ subnet: b }, { subnet: a, address: "10.1.0.9" }], surplus: [] },
  ],
  [
    "another address of the same subnet leaves the one that it has over",
    [{ subnet: a, address: "10.1.0.10" }],
    { wishes: [{ subnet: a, address: "10.1.0.10" }], surplus: ["10.1.0.9"] },
  ],
  ["without wishes all is over", [], { wishes: [], surplus: ["10.1.0.9"] }],
  [
    "one address meets one wish",
    [{ subnet: a }, { subnet: a }],
    { wishes: [{ subnet: a, address: "10.1.0.9" }, { subnet: a }], surplus: [] },
  ],
];

test.each(table)("%s", (_name, wishes, expected) => {
  expect(heldWishes(wishes, held)).toEqual(expected);
});

/** Tests JSONPath templates: what kubectl's documentation shows, and where it is silent. */
import { describe, expect, test } from "bun:test";
import { jsonpath, valuesAt } from "./jsonpath.ts";

const list = {
  kind: "List",
  items: [
    {
      metadata: { name: "web", labels: { tier: "front" }, annotations: { "netloom.dev/a": "1" } },
      spec: { type: "bridge", mtu: 1500, masquerade: true },
    },
    { metadata: { name: "data" }, spec: { type: "ptp", mtu: 9000, masquerade: false } },
    { metadata: { name: "lan" }, spec: { type: "macvlan", parent: "eth1" } },
  ],
};

describe("a JSONPath template", () => {
  test.each([
    ["{.kind}", "List"],
    ["{$.kind}", "List"],
    ["{@.kind}", "List"],
    ["kind: {.kind}!", "kind: List!"],
    [".kind", "List"],
    ["kind", "List"],
    ["{.items[*].metadata.name}", "web data lan"],
    ["{.items[0].metadata.name}", "web"],
    ["{.items[-1].metadata.name}", "lan"],
    ["{.items[0,2].metadata.name}", "web lan"],
    ["{.items[1:].metadata.name}", "data lan"],
    ["{.items[:2].metadata.name}", "web data"],
    ["{.items[0:3:2].metadata.name}", "web lan"],
    [
      "{.items[*]['metadata.name', 'spec']}",
      list.items.map((i) => JSON.stringify(i.spec)).join(" "),
    ],
    ["{['kind']}", "List"],
    ["{..name}", "web data lan"],
    ["{.items[0].spec.*}", "bridge 1500 true"],
    ["{.items[0].metadata.labels}", '{"tier":"front"}'],
    ["{.items[0].metadata.annotations.netloom\\.dev/a}", "1"],
    ["{.items[0].metadata.annotations['netloom.dev/a']}", "1"],
    ["{.missing.deeper}", ""],
    ["{.items[9].x}", ""],
    ['{.kind}{"\\n"}', "List\n"],
    ["{.kind}{'\\t'}{.kind}", "List\tList"],
    ['{"a } b"}', "a } b"],
    ["{range .items[*]}{.metadata.name}={.spec.mtu}{'\\n'}{end}", "web=1500\ndata=9000\nlan=\n"],
    [
      "{range .items[*]}[{.metadata.name}, {.spec.type}] {end}",
      "[web, bridge] [data, ptp] [lan, macvlan] ",
    ],
    ["{range .items[*]}{range .metadata.labels.*}{@};{end}{end}", "front;"],
    ['{.items[?(@.spec.type=="ptp")].metadata.name}', "data"],
    ['{.items[?(@.spec.type == "ptp")].metadata.name}', "data"],
    ["{.items[?(@.spec.type!='ptp')].metadata.name}", "web lan"],
    ["{.items[?(@.spec.mtu>1500)].metadata.name}", "data"],
    ["{.items[?(@.spec.mtu<=1500)].metadata.name}", "web"],
    ["{.items[?(@.spec.masquerade==true)].metadata.name}", "web"],
    ["{.items[?(@.spec.parent)].metadata.name}", "lan"],
    ["{.constructor}{.__proto__.x}", ""],
  ])("%j gives %j", (template, text) => expect(jsonpath(template, list)).toBe(text));

  test.each([
    ["{.kind", 'has a "{" without its "}"'],
    ["{range .items[*]}x", "has {range …} without {end}"],
    ["{end}", "has {end} without {range …}"],
    ["{.items[}", "ends too early"],
    ["{.items[?(@.x==)]}", 'can\'t be read from ")]" on'],
    ["{.items[?(@.x=='y']}", 'can\'t be read from "]" on'],
    ["{kind}", 'can\'t be read from "kind" on'],
  ])("%j is refused", (template, message) => {
    expect(() => jsonpath(template, list)).toThrow(`JSONPath "${template}" ${message}`);
  });

  test("gives values where they are compared", () => {
    expect(valuesAt("{.items[*].spec.mtu}", list)).toEqual([1500, 9000]);
  });
});

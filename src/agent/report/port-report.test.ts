/** What is told of ports. */
import { describe, expect, test } from "bun:test";
import type { Port } from "../../api/kinds/index.ts";
import type { PortRecord } from "../port-records.ts";
import {
  bindingPatch,
  isReplaced,
  isSuperseded,
  nextEpoch,
  ownBinding,
  statusPatch,
  withCondition,
} from "./port-report.ts";

const at = (host: string, epoch: number, active: boolean) => ({ host, epoch, active });
const portWith = (status: object, spec: object = {}) =>
  ({ metadata: { name: "a", uid: "u1", generation: 1 }, spec, status }) as unknown as Port;
const recordWith = (more: object) =>
  ({ stage: "attached", network: {}, addresses: [], ...more }) as unknown as PortRecord;

test("what is attached later has a higher epoch than all before, also than those that are gone", () => {
  expect(nextEpoch(portWith({}))).toBe(1);
  expect(nextEpoch(portWith({ bindings: [at("h1", 3, true), at("h2", 7, false)] }))).toBe(8);
});

describe("a record has no say of a port", () => {
  const here = [at("h1", 2, true)];
  const table: [string, object, object, object, boolean][] = [
    ["unless it is its own", { bindings: here }, {}, { portUid: "u1", epoch: 2 }, false],
    ["that nobody was told of", {}, {}, {}, false],
    ["that was unbound when its host was over", {}, {}, { portUid: "u1", epoch: 2 }, false],
    ["that moved", { bindings: [...here, at("h2", 3, true)] }, {}, { epoch: 2 }, true],
    ["that moved and went", { bindings: [...here, at("h2", 3, false)] }, {}, { epoch: 2 }, true],
    ["that is here anew", { bindings: [at("h1", 3, true)] }, {}, { epoch: 2 }, true],
    ["that is to be elsewhere", { bindings: here }, { host: "h2" }, { epoch: 2 }, true],
    ["of the same name", { bindings: here }, {}, { portUid: "u0", epoch: 2 }, true],
  ];
  test.each(table)("%s", (_name, status, spec, record, expected) => {
    const read = { port: portWith(status, spec), host: "h1" };
    expect(isSuperseded(read, recordWith(record))).toBe(expected);
  });
});

test("a host takes back its own binding alone, and none of a later attachment", () => {
  const port = portWith({ bindings: [at("h1", 2, true), at("h2", 3, true)] });
  const own = (record: object) => ownBinding({ port, host: "h1" }, recordWith(record));
  expect(own({ portUid: "u1", epoch: 1 })).toBeUndefined();
  expect(own({ portUid: "u0", epoch: 2 })).toBeUndefined();
  expect(own({ portUid: "u1", epoch: 3 })).toEqual(at("h1", 2, true));
  expect(own({ portUid: "u1", epoch: 2 })).toEqual(at("h1", 2, true));
  expect(bindingPatch(at("h1", 2, false), { port }).status).toEqual({
    bindings: [at("h2", 3, true), at("h1", 2, false)],
  });
});

test("addresses of the host's own blocks go from a port that is detached, claimed ones stay", () => {
  const claimed = { address: "10.1.0.4", subnet: "a", claimed: true };
  const given = [{ address: "10.1.0.3", subnet: "a" }, claimed];
  const patch = (record: object, spec: object) =>
    statusPatch(recordWith({ epoch: 1, ...record }), {
      port: portWith({ addresses: given }, spec),
      host: "h1",
    }).status.addresses;
  expect(patch({ stage: "gone" }, { host: "h1" })).toEqual([]);
  const fixedIps = [{ address: "10.1.0.4" }];
  expect(patch({ stage: "gone" }, { host: "h1", fixedIps })).toEqual([claimed] as never);
  expect(patch({ stage: "gone" }, {})).toEqual(given as never);
  expect(patch({ addresses: given }, { host: "h1" })).toEqual(given as never);
});

test("what can't be put back is told as not ready, and not of what is detached", () => {
  const ready = (record: object) =>
    statusPatch(recordWith({ epoch: 1, since: "then", ...record }), {
      port: portWith({}),
      host: "h1",
    }).status.conditions.find(({ type }) => type === "Ready");
  const fault = 'link "eth0" is missing';
  expect(ready({})).toMatchObject({ status: "True", reason: "Attached" });
  expect(ready({ fault })).toMatchObject({ status: "False", reason: "NotAsDeclared" });
  expect(ready({ fault })?.message).toEndWith(fault);
  expect(ready({ fault, stage: "gone" })).toMatchObject({ status: "False", reason: "Detached" });
});

test("a port that was made anew is another's, unless this host's own blocks serve it", () => {
  const read = (host?: string) => ({ port: portWith({}, { host }), host: "h1" });
  const record = (more: object) => recordWith({ portUid: "u0", ...more });
  expect(isReplaced(read(), recordWith({ portUid: "u1" }))).toBe(false);
  expect(isReplaced(read("h1"), record({}))).toBe(false);
  expect(isReplaced(read(), record({}))).toBe(true);
  expect(isReplaced(read("h1"), record({ addresses: [{ claimed: true }] }))).toBe(true);
});

test("a condition keeps its time while its status stays", () => {
  const ready = (status: "True" | "False", lastTransitionTime: string) =>
    ({ type: "Ready", status, reason: "R", message: "m", lastTransitionTime }) as const;
  const other = { ...ready("True", "t0"), type: "Other" };
  expect(withCondition([ready("True", "t1"), other], ready("True", "t2"))).toEqual([
    other,
    ready("True", "t1"),
  ]);
  expect(withCondition([ready("False", "t1")], ready("True", "t2"))).toEqual([ready("True", "t2")]);
});

/** Which attachments a pass need not think of again. */
import { expect, test } from "bun:test";
import type { WatchEvent } from "../api/node-spec.ts";
import { Followed } from "./followed.ts";
import type { PortRecord } from "./port-records.ts";
import { NodeSpec } from "./spec/node-spec.ts";
import type { Asked } from "./wanted.ts";

const kinds = { networks: "Network", ports: "Port", subnets: "Subnet" } as const;
let revision = 0;

/** A network with a subnet, and a port on it. */
function begin() {
  const spec = new NodeSpec();
  const name = { namespace: "default", name: "blue" };
  const tell = (plural: keyof typeof kinds, own: object, status: object = {}, uid = plural) => {
    const metadata = { ...name, uid, resourceVersion: `${++revision}` };
    const object = { apiVersion: "netloom.dev/v1alpha1", kind: kinds[plural], metadata };
    spec.apply({ type: "ADDED", object: { ...object, spec: own, status } } as WatchEvent);
  };
  tell("networks", { type: "bridge" });
  tell("subnets", { network: "blue", cidr: "10.0.0.0/24" });
  tell("ports", { network: "blue" });
  const asked = (): Asked => {
    const network = spec.network(name)!;
    return { network, port: spec.port(name), subnets: spec.subnetsOf(network) };
  };
  return { tell, asked };
}

const record = { id: "a", shape: "s" } as PortRecord;

test("what is told of an object is no news, what somebody asks for is", () => {
  const { tell, asked } = begin();
  const followed = new Followed();
  expect(followed.isSame(record, asked())).toBe(false);
  const note = () => followed.note(record, asked());
  note();
  tell("networks", { type: "bridge" }, { ports: 5 });
  tell("subnets", { network: "blue", cidr: "10.0.0.0/24" }, { free: 3 });
  tell("ports", { network: "blue" }, { addresses: [] });
  expect(followed.isSame(record, asked())).toBe(true);
  const news: (() => void)[] = [
    () => tell("networks", { type: "bridge", mtu: 1300 }),
    () => tell("subnets", { network: "blue", cidr: "10.0.0.0/24", routes: [] }),
    () => tell("ports", { network: "blue", mac: "02:00:00:00:00:01" }),
    () => tell("ports", { network: "blue", mac: "02:00:00:00:00:01" }, {}, "another" as never),
  ];
  for (const change of news) {
    change();
    expect(followed.isSame(record, asked())).toBe(false);
    note();
    expect(followed.isSame(record, asked())).toBe(true);
  }
});

test("a record that is another is looked at, and one that is gone forgotten", () => {
  const { asked } = begin();
  const followed = new Followed();
  followed.note(record, asked());
  expect(followed.isSame({ ...record, shape: "t" }, asked())).toBe(false);
  followed.keepOnly([]);
  expect(followed.isSame(record, asked())).toBe(false);
});

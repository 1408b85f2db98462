/** When the guard begins to drop, lets more in, and goes. */
import { expect, test } from "bun:test";
import type { HostPeer } from "../../api/elsewhere.ts";
import { VxlanGuard } from "./vxlan-guard.ts";

const peerAt = (address: string) =>
  ({
    metadata: { name: address },
    spec: { underlay: [{ address, prefixLength: 24, mtu: 1500 }] },
  }) as unknown as HostPeer;

/** A guard whose kernel notes what it is told. */
function world() {
  const done: string[] = [];
  const peers = [peerAt("198.18.0.1")];
  const strays: string[] = [];
  const spec = { isComplete: true, revision: "7" as string | undefined, all: () => peers as never };
  const segments = [{ port: 4789, vni: 5 }];
  const guard = new VxlanGuard({
    spec,
    segments: () => segments,
    log: () => {},
    kernel: {
      grow: (addresses) => void done.push(`grow ${[...addresses]}`),
      bring: (wanted, addresses) => {
        done.push(`bring ${wanted.map(({ vni }) => vni)} from ${[...addresses]}`);
        return { isChanged: true, strays };
      },
      shrink: (addresses) => void (addresses.length > 0 && done.push(`shrink ${addresses}`)),
      remove: () => done.push("remove") > 0,
    },
  });
  const at = (seconds: number) => {
    done.length = 0;
    guard.pass(1000 * seconds);
    return [...done];
  };
  return { spec, peers, strays, segments, at };
}

test("addresses are told as the kernel writes them", () => {
  const { at, peers } = world();
  peers[0] = peerAt("2001:DB8:0::1");
  expect(at(0)).toEqual(["grow 2001:db8::1"]);
});

test("it drops nothing before other hosts were surely told of", () => {
  const { at, peers } = world();
  expect(at(1)).toEqual(["grow 198.18.0.1"]);
  peers.push(peerAt("198.18.0.2"));
  expect(at(5.9)).toEqual(["grow 198.18.0.1,198.18.0.2"]);
  expect(at(6)).toEqual(["bring 5 from 198.18.0.1,198.18.0.2"]);
});

test.each([
  ["that is not whole", { isComplete: false }],
  [
    "that no server has told since the agent began, or that is listed anew",
    { revision: undefined },
  ],
])("by a spec %s it lets more hosts in, and keeps none out", (_, state) => {
  const { at, spec, segments } = world();
  Object.assign(spec, state);
  expect([...at(0), ...at(60)]).toEqual(["grow 198.18.0.1", "grow 198.18.0.1"]);
  segments.pop();
  expect([...at(100), ...at(160)]).toEqual(["grow 198.18.0.1", "grow 198.18.0.1"]);
});

test("the table goes with the last segment, and an encrypted one needs none", () => {
  const { at, segments } = world();
  at(0);
  at(5);
  segments[0] = { port: 14789, vni: 5 };
  expect(at(6)).toEqual(["remove"]);
});

test("what an earlier agent left stays until this one has found its own segments", () => {
  const { at, segments } = world();
  const [segment] = segments.splice(0);
  expect([...at(0), ...at(4)]).toEqual(["grow 198.18.0.1", "grow 198.18.0.1"]);
  segments.push(segment!);
  expect([...at(4.5), ...at(9), ...at(9.5)]).toEqual([
    ...["grow 198.18.0.1", "grow 198.18.0.1"],
    "bring 5 from 198.18.0.1",
  ]);
});

test("addresses that are in force and no host's go later", () => {
  const { at, strays } = world();
  at(0);
  strays.push("198.18.0.9");
  const brought = "bring 5 from 198.18.0.1";
  expect([...at(5), ...at(304), ...at(305)]).toEqual([
    ...[brought, brought, brought],
    "shrink 198.18.0.9",
  ]);
});

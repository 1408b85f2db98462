/** When a host that is not heard counts as gone. */
import { expect, test } from "bun:test";
import type { HostPeer } from "../api/elsewhere.ts";
import { SilentHosts } from "./silent-hosts.ts";

const peer = (name: string, silent = false) =>
  ({
    metadata: { name },
    spec: {
      underlay: [`192.0.2.${name.slice(1)}`, `2001:db8::${name.slice(1)}`].map((address) => ({
        ...{ address, prefixLength: 24, mtu: 1500 },
      })),
      ...(silent && { silent }),
    },
  }) as unknown as HostPeer;

/** Those of h2 … h9 that answer, and what a host makes of it. */
function world(...first: HostPeer[]) {
  const own = { peers: first, there: new Set<string>(), asked: [] as string[][], changes: 0 };
  const probe = async (addresses: readonly string[]) => {
    own.asked.push([...addresses]);
    return new Set(addresses.filter((one) => own.there.has(`h${one.split(".")[3]}`)));
  };
  const spec = { all: () => own.peers as never };
  const silent = new SilentHosts({ spec, log: () => {}, probe });
  silent.onChange = () => void own.changes++;
  const rounds = async (count: number) => {
    for (let i = 0; i < count; i++) await silent.round();
    return own.peers.filter(silent.isGone).map(({ metadata }) => metadata.name);
  };
  return { own, rounds };
}

test("nobody is asked while all are heard", async () => {
  const { own, rounds } = world(peer("h2"), peer("h3"));
  expect([await rounds(5), own.asked, own.changes]).toEqual([[], [], 0]);
});

test("one that is not heard and does not answer is gone, until it answers or is heard", async () => {
  const { own, rounds } = world(peer("h2", true), peer("h3"));
  own.there = new Set(["h3"]);
  expect([await rounds(2), await rounds(1), own.changes]).toEqual([[], ["h2"], 1]);
  own.there.add("h2");
  expect([await rounds(1), own.changes]).toEqual([[], 2]);
  own.there.delete("h2");
  expect([await rounds(2), await rounds(1), own.changes]).toEqual([[], ["h2"], 3]);
  own.peers = [peer("h2"), peer("h3")];
  expect(await rounds(0)).toEqual([]);
  expect([await rounds(1), own.changes]).toEqual([[], 4]);
});

test("one that is only cut off from the control plane is there", async () => {
  const { own, rounds } = world(peer("h2", true), peer("h3"));
  own.there = new Set(["h2", "h3"]);
  expect([await rounds(9), own.changes]).toEqual([[], 0]);
});

test("where those that are heard don't answer either, silence tells nothing", async () => {
  const { own, rounds } = world(peer("h2", true), peer("h3"), peer("h4"));
  expect([await rounds(9), own.changes]).toEqual([[], 0]);
  own.there = new Set(["h4"]);
  expect(await rounds(3)).toEqual(["h2"]);
});

test("of two hosts one has nobody else to ask", async () => {
  const { rounds } = world(peer("h2", true));
  expect(await rounds(3)).toEqual(["h2"]);
});

test("few of those that are heard are asked, however many there are", async () => {
  const all = Array.from({ length: 1000 }, (_, i) => peer(`h${i + 10}`));
  const { own, rounds } = world(peer("h2", true), ...all);
  await rounds(1);
  expect(own.asked.map(({ length }) => length)).toEqual([8]);
});

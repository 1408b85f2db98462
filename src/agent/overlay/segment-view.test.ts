/** What is kept up to date is what is worked out anew, whatever comes and goes. */
import { expect, test } from "bun:test";
import type { Endpoint, HostPeer } from "../../api/elsewhere.ts";
import type { Network } from "../../api/kinds/index.ts";
import { type Known, type OwnPort, segmentEntries } from "./entries.ts";
import { SegmentView } from "./segment-view.ts";

/** Numbers that follow from the seed alone. */
function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
}

const network = (spec: object = {}) =>
  ({ metadata: { namespace: "a", name: "blue" }, spec: { type: "overlay", ...spec } }) as Network;

const peerAt = (name: string, address: string) =>
  ({
    metadata: { name },
    spec: { underlay: [{ address, prefixLength: 24, mtu: 1500 }] },
  }) as unknown as HostPeer;

const port = (n: number, host: number, { mac = n, epoch = 1, address = n } = {}): Endpoint =>
  ({
    metadata: { namespace: "a", name: `p${n}` },
    spec: {
      ...{ network: "a/blue", host: `h${host}`, epoch, mac: `mac-${mac}` },
      addresses: [`10.0.0.${address}`, `fd00::${address}`],
    },
  }) as unknown as Endpoint;

const own = (n: number): OwnPort => ({
  ...{ name: `a/p${n}`, mac: `mac-${n}`, addresses: [`10.0.0.${n}`], epoch: 1 },
});

const hosts = ["h0", "h1", "h2", "h3"];
const start = (): Known => ({
  network: network(),
  endpoints: [],
  peers: new Map(hosts.map((name, i) => [name, peerAt(name, `192.0.2.${i}`)])),
  own: [],
});

type Change = (known: Known, random: (below: number) => number) => Partial<Known>;
const replaced = ({ endpoints }: Known, one: Endpoint) => [
  ...endpoints.filter(({ metadata }) => metadata.name !== one.metadata.name),
  one,
];
const changes: readonly Change[] = [
  (known, random) => ({ endpoints: replaced(known, port(random(9), random(4))) }),
  (known, random) => ({ endpoints: replaced(known, port(random(9), random(4), { epoch: 3 })) }),
  // Two that say that they have the same.
  (known, random) => ({ endpoints: replaced(known, port(random(9), 1, { mac: random(9) })) }),
  (known, random) => ({ endpoints: replaced(known, port(random(9), 1, { address: random(9) })) }),
  ({ endpoints }, random) => ({ endpoints: endpoints.filter(() => random(3) > 0) }),
  (_, random) => ({ own: random(2) ? [] : [own(random(9))] }),
  ({ peers }, random) => {
    const name = hosts[random(4)]!;
    return { peers: new Map([...peers, [name, peerAt(name, `192.0.2.${10 + random(4)}`)]]) };
  },
  ({ peers }, random) => ({ peers: new Map([...peers].filter(() => random(4) > 0)) }),
  (_, random) => ({ network: network({ multicast: random(2) === 0 }) }),
];

test.each([1, 2, 3, 4, 5, 6, 7, 8])("any changes in a row, seed %p", (seed) => {
  const random = numbers(seed);
  const view = new SegmentView();
  let known = start();
  let before = new Map(view.update(known).entries);
  let kept = 0;
  for (let i = 0; i < 300; i++) {
    // More often those that are kept up with.
    const change = changes[random(3) > 0 ? random(2) : random(changes.length)]!;
    known = { ...known, ...change(known, random) };
    const { entries, changed } = view.update(known);
    const wanted = segmentEntries(known);
    expect(new Map([...entries].sort())).toEqual(new Map([...wanted].sort()));
    if (changed) {
      kept++;
      for (const key of new Set([...before.keys(), ...wanted.keys()])) {
        const isSame = Bun.deepEquals(before.get(key), wanted.get(key));
        if (!isSame) expect([...changed]).toContain(key);
      }
    }
    before = new Map(entries);
  }
  expect(kept).toBeGreaterThan(30);
});

test("of very many ports one that moves is a few keys", () => {
  const view = new SegmentView();
  const endpoints = Array.from({ length: 200 }, (_, n) => port(n, n % 4));
  const known = { ...start(), endpoints };
  expect(view.update(known).changed).toBeUndefined();
  expect(view.update({ ...known })).toMatchObject({ changed: new Set() });
  const moved = endpoints.with(7, port(7, 0, { epoch: 2 }));
  const { changed } = view.update({ ...known, endpoints: moved });
  expect([...changed!].sort()).toEqual([
    "behind mac-7",
    "neigh 10.0.0.7",
    "neigh fd00::7",
    "remote mac-7",
  ]);
});

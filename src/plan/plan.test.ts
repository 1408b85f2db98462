/** Which steps lead from what exists to what should, and in which order. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { hostNetns, type KernelObject, type LinkObject } from "../model/kernel-object.ts";
import { key } from "./key.ts";
import { plan, type Step, teardown } from "./plan.ts";

const own = { netns: hostNetns, scope: "att:1", life: "exclusive" } as const;
const shared = { netns: hostNetns, scope: "net:blue", life: "shared" } as const;
const inBox = { ...own, netns: "box", link: "eth0" } as const;
const table = { family: "inet", table: "t" } as const;

const bridge: LinkObject = { ...shared, kind: "link", type: "bridge", name: "br0", up: true };
const peer = { netns: "box", name: "eth0", up: true } as const;
const eth0: LinkObject = {
  ...own,
  ...({ kind: "link", type: "veth", name: "nl1", up: true, master: "br0", peer } as const),
};
const lowered: LinkObject = { ...eth0, peer: { ...peer, up: false } };
const ip: KernelObject = { ...inBox, kind: "address", address: "10.1.0.5/24" };
const gateway: KernelObject = { ...shared, kind: "address", link: "br0", address: "10.1.0.1/24" };
const toHost: KernelObject = { ...inBox, kind: "route", dst: "10.1.0.1/32" };
const away: KernelObject = { ...inBox, kind: "route", dst: "0.0.0.0/0", gateway: "10.1.0.1" };
const notify: KernelObject = {
  ...inBox,
  ...({ kind: "sysctl", path: "net/ipv4/conf/eth0/arp_notify", value: "1" } as const),
};
const global = (path: string): KernelObject => ({ ...shared, kind: "sysctl", path, value: "1" });
const forward = global("net/ipv6/conf/all/forwarding");
const acceptRa = global("net/ipv6/conf/uplink/accept_ra");
const chain: KernelObject = { ...shared, ...table, kind: "nft-chain", chain: "c", rules: ["drop"] };
const element: KernelObject = {
  ...own,
  ...table,
  kind: "nft-element",
  set: "s",
  key: [{ ipv4: "10.1.0.5" }],
  data: { jump: "c" },
};

const whole = [bridge, eth0, ip, gateway, toHost, away, notify, forward, acceptRa, chain, element];

/** `create link nl1`, `update sysctl net/…: value`. */
function text({ op, object, fields }: Step): string {
  const name =
    object.kind === "link"
      ? object.name
      : object.kind === "address"
        ? object.address
        : object.kind === "route"
          ? object.dst
          : object.kind === "sysctl"
            ? object.path
            : object.kind;
  return `${op} ${name}${fields ? `: ${fields.join(", ")}` : ""}`;
}

describe("plan", () => {
  const cases: [string, KernelObject[], KernelObject[], string[]][] = [
    ["is empty where there is nothing", [], [], []],
    ["is empty when nothing differs", whole, whole, []],
    ["creates what is missing", [ip], [], ["create 10.1.0.5/24"]],
    ["deletes what is not wanted any more", [], [ip], ["delete 10.1.0.5/24"]],
    ["updates what differs", [eth0], [{ ...eth0, up: false }], ["update nl1: up"]],
    [
      "updates a value in place",
      [forward],
      [{ ...forward, value: "0" } as KernelObject],
      ["update net/ipv6/conf/all/forwarding: value"],
    ],
    [
      "raises the container's end after its addresses and before routes",
      [toHost, ip, eth0],
      [],
      ["create nl1", "create 10.1.0.5/24", "up nl1", "create 10.1.0.1/32"],
    ],
    ["raises a bridge that it creates", [bridge], [], ["create br0", "up br0"]],
    ["leaves a bridge down when asked to", [{ ...bridge, up: false }], [], ["create br0"]],
    ["raises a bridge that is down", [bridge], [{ ...bridge, up: false }], ["update br0: up"]],
    ["leaves the container's end down when asked to", [lowered], [], ["create nl1"]],
    [
      "raises a container's end that is down",
      [eth0, ip],
      [lowered, ip],
      ["update nl1: peer", "up nl1"],
    ],
    [
      "builds from the bottom up",
      whole,
      [],
      [
        "create net/ipv6/conf/uplink/accept_ra",
        "create net/ipv6/conf/all/forwarding",
        "create nft-chain",
        "create nft-element",
        "create br0",
        "create nl1",
        "create net/ipv4/conf/eth0/arp_notify",
        "create 10.1.0.5/24",
        "create 10.1.0.1/24",
        "up br0",
        "up nl1",
        "create 10.1.0.1/32",
        "create 0.0.0.0/0",
      ],
    ],
    [
      "tears down in the opposite order and leaves what is shared",
      [],
      whole,
      [
        "delete 0.0.0.0/0",
        "delete 10.1.0.1/32",
        "delete 10.1.0.5/24",
        "delete net/ipv4/conf/eth0/arp_notify",
        "delete nl1",
        "delete nft-element",
      ],
    ],
    [
      "frees an address before it is given to its next owner",
      [{ ...ip, link: "eth1" } as KernelObject],
      [ip],
      ["delete 10.1.0.5/24", "create 10.1.0.5/24"],
    ],
  ];
  test.each(cases)("%s", (_, desired, observed, steps) => {
    expect(plan(desired, observed).map(text)).toEqual(steps);
  });

  test("teardown is the plan for nothing", () => {
    expect(teardown(whole)).toEqual(plan([], whole));
  });
});

/** Objects as drivers make them, for some containers on a bridge, some of them in two families. */
function worldOf(containers: readonly { id: number; six: boolean; published: boolean }[]) {
  return containers.flatMap(({ id, six, published }): KernelObject[] => {
    const netns = `box${id}`;
    const mine = { netns, scope: `att:${id}`, life: "exclusive", link: "eth0" } as const;
    const host = { ...own, scope: `att:${id}` } as const;
    const end = { netns, name: "eth0", up: true };
    const six6: KernelObject[] = [
      { ...mine, kind: "address", address: `fd00::${id}/64`, dad: false },
      { ...mine, kind: "route", dst: "::/0", gateway: "fd00::1" },
      forward,
      acceptRa,
    ];
    const elements: KernelObject[] = [
      { ...chain },
      { ...host, ...table, kind: "nft-element", set: "s", key: [{ ipv4: `10.1.0.${id}` }] },
    ];
    return [
      bridge,
      { ...host, kind: "link", type: "veth", name: `nl${id}`, up: true, master: "br0", peer: end },
      { ...mine, kind: "sysctl", path: "net/ipv4/conf/eth0/arp_notify", value: "1" },
      { ...mine, kind: "address", address: `10.1.0.${id}/24` },
      { ...mine, kind: "route", dst: "10.1.0.0/24", scopeId: 253 },
      { ...mine, kind: "route", dst: "0.0.0.0/0", gateway: "10.1.0.1" },
      gateway,
      ...(six ? six6 : []),
      ...(published ? elements : []),
    ];
  });
}

const containers = fc.uniqueArray(
  fc.record({ id: fc.integer({ min: 2, max: 9 }), six: fc.boolean(), published: fc.boolean() }),
  { selector: ({ id }) => id, maxLength: 4 },
);
const world = containers.map(worldOf);

/** A part of some other world, with some objects not as they should be. */
const observation = fc
  .tuple(world, fc.infiniteStream(fc.constantFrom("kept", "kept", "lost", "changed")))
  .map(([objects, fates]) =>
    objects.flatMap((object): KernelObject[] => {
      const fate = fates.next().value;
      if (fate === "lost") return [];
      return fate === "kept" ? [object] : [changed(object)];
    }),
  )
  // One state: under one key there is one object.
  .map((objects) => [...new Map(objects.map((object) => [key(object), object])).values()]);

function changed(object: KernelObject): KernelObject {
  if (object.kind === "link") return { ...object, up: false };
  if (object.kind === "sysctl") return { ...object, value: "0" };
  if (object.kind === "route") return { ...object, gateway: "10.9.9.9" };
  return object;
}

/** What must be there before `object` can be. */
function standsOn(object: KernelObject, below: KernelObject): boolean {
  if (below.kind === "nft-chain") return object.kind === "nft-element";
  if (below.kind === "link") {
    if (object.kind === "link") return object.master === below.name;
    const ends = below.type === "veth" ? [below, below.peer] : [below];
    return (
      "link" in object &&
      ends.some(({ netns, name }) => netns === object.netns && name === object.link)
    );
  }
  const isGatewayed = object.kind === "route" && object.gateway !== undefined;
  if (!isGatewayed || object.netns !== below.netns) return false;
  return below.kind === "address" || (below.kind === "route" && below.gateway === undefined);
}

const made = (steps: readonly Step[]) => steps.filter(({ op }) => op === "create");
const deleted = (steps: readonly Step[]) => steps.filter(({ op }) => op === "delete");

describe("any plan", () => {
  const check = (property: (desired: KernelObject[], observed: KernelObject[]) => void) =>
    fc.assert(fc.property(world, observation, property), { numRuns: 300 });

  test("is empty between equal states", () => {
    check((desired) => expect(plan(desired, desired)).toEqual([]));
  });

  test("is empty once it has been carried out", () => {
    check((desired, observed) => {
      const state = new Map(observed.map((object) => [key(object), object]));
      for (const { op, object } of plan(desired, observed)) {
        if (op === "delete") state.delete(key(object));
        else state.set(key(object), object);
      }
      expect(plan(desired, [...state.values()])).toEqual([]);
    });
  });

  test("depends on no order: reversed, shuffled, with repetitions", () => {
    fc.assert(
      fc.property(
        world.chain((objects) => fc.tuple(fc.constant(objects), shuffled(objects))),
        observation.chain((objects) => fc.tuple(fc.constant(objects), shuffled(objects))),
        ([desired, desiredAgain], [observed, observedAgain]) => {
          const steps = plan(desired, observed);
          expect(plan([...desired].reverse(), [...observed].reverse())).toEqual(steps);
          expect(plan(desiredAgain, observedAgain)).toEqual(steps);
          expect(plan([...desired, ...desiredAgain], [...observed, ...observed])).toEqual(steps);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("comes to the same in two parts, whatever is wanted in each", () => {
    check((desired, observed) => {
      const half = Math.floor(desired.length / 2);
      const parts = [desired.slice(0, half), desired.slice(half)];
      const writes = (steps: readonly Step[]) =>
        new Set(steps.filter(({ op }) => op !== "delete").map(text));
      const together = writes(plan(desired, observed));
      const apart = parts.map((part) => writes(plan(part, observed)));
      expect(new Set(apart.flatMap((set) => [...set]))).toEqual(together);
      expect(writes(plan([], observed)).size).toBe(0);
    });
  });

  test("deletes before it writes", () => {
    check((desired, observed) => {
      const steps = plan(desired, observed);
      const lastDelete = steps.findLastIndex(({ op }) => op === "delete");
      const firstWrite = steps.findIndex(({ op }) => op !== "delete");
      if (firstWrite !== -1) expect(lastDelete).toBeLessThan(firstWrite);
    });
  });

  test("makes an object after what it stands on, and deletes it before", () => {
    check((desired, observed) => {
      const steps = plan(desired, observed);
      for (const list of [made(steps), deleted(steps).reverse()]) {
        for (const [i, { object }] of list.entries()) {
          const above = list.slice(0, i).filter((step) => standsOn(step.object, object));
          expect(above.map(text)).toEqual([]);
        }
      }
    });
  });

  test("never deletes what is shared, nor what is wanted", () => {
    check((desired, observed) => {
      const wanted = new Set(desired.map(key));
      for (const { object } of deleted(plan(desired, observed))) {
        expect(object.life).toBe("exclusive");
        expect(wanted.has(key(object))).toBe(false);
      }
    });
  });

  test("touches each object once, but for raising a link", () => {
    check((desired, observed) => {
      const names = plan(desired, observed)
        .filter(({ op }) => op !== "up")
        .map(({ object }) => key(object));
      expect(names.length).toBe(new Set(names).size);
    });
  });
});

function shuffled(objects: readonly KernelObject[]) {
  return fc.shuffledSubarray([...objects], { minLength: objects.length });
}

/** Traffic control in fresh namespaces, judged by `tc -j`. */
import { describe, expect, test } from "bun:test";
import { ScratchNetns } from "../netns/scratch.ts";
import { addFilter, listFilters, type NewFilter, removeFilter } from "./filter.ts";
import { requireLink } from "./link-info.ts";
import { addQdisc, listQdiscs, type NewQdisc, removeQdisc } from "./qdisc.ts";
import type { NetlinkSocket } from "./socket.ts";
import { addTrafficClass, listTrafficClasses } from "./traffic-class.ts";

/** A namespace with a pair and an ifb, and their indexes. */
function stage() {
  const netns = new ScratchNetns("tc");
  const socket = netns.socket();
  netns.run("ip", "link", "add", "name", "v", "up", "type", "veth", "peer", "name", "w");
  netns.run("ip", "link", "add", "name", "i", "up", "type", "ifb");
  const index = requireLink(socket, { name: "v" }).index;
  const ifb = requireLink(socket, { name: "i" }).index;
  return {
    ...{ netns, socket, index, ifb },
    shown: (...words: string[]): any[] => netns.json("tc", "-j", "-d", ...words, "dev", "v"),
    [Symbol.dispose]() {
      socket[Symbol.dispose]();
      netns[Symbol.dispose]();
    },
  };
}

const tbf = (rateBytes: number, burstBytes: number, limitBytes: number) => ({
  kind: "tbf" as const,
  tbf: { rateBytes, burstBytes, limitBytes },
});

const disciplines: [string, Omit<NewQdisc, "index" | "parent" | "handle">, object][] = [
  [
    "tbf",
    tbf(2_500_000, 100_000, 162_500),
    { kind: "tbf", options: { rate: 2500000, lat: 25000 } },
  ],
  [
    "tbf beyond 32 bits",
    tbf(6_250_000_000, 12_500_000, 168_750_000),
    { kind: "tbf", options: { rate: 6250000000 } },
  ],
  ["tbf of a byte a second", tbf(1, 1, 1), { kind: "tbf", options: { rate: 1 } }],
  ["htb", { kind: "htb", htb: { defaultClass: 2 } }, { kind: "htb", options: { default: "0x2" } }],
  ["bfifo", { kind: "bfifo", bfifo: { limitBytes: 4096 } }, { kind: "bfifo" }],
];

const qdiscsOf = (socket: NetlinkSocket, index: number) =>
  listQdiscs(socket).filter((qdisc) => qdisc.index === index);

const rateOf = (spec: { rateBytes?: number }) => spec.rateBytes ?? 0;

describe("a queueing discipline is added, told and removed", () => {
  for (const [name, spec, expected] of disciplines) {
    test(name, () => {
      using world = stage();
      const { socket, index } = world;
      const place = { index, parent: "root", handle: "108:" };
      socket.run([addQdisc({ ...place, ...spec })]);
      const [shown] = world.shown("qdisc", "show");
      expect(shown).toMatchObject({ handle: "108:", root: true, ...expected });
      const [told, ...more] = qdiscsOf(socket, index);
      expect(more).toEqual([]);
      expect(told).toMatchObject({ ...place, kind: spec.kind });
      const { burstBytes = 0, ...rest } = told![spec.kind as "tbf"]!;
      const { burstBytes: wanted = 0, ...others } = (spec as NewQdisc)[spec.kind as "tbf"]!;
      expect(rest).toEqual(others);
      // To a tick or two.
      expect(Math.abs(burstBytes - wanted)).toBeLessThanOrEqual((2 * 64 * rateOf(rest)) / 1e9);
      expect(() => socket.run([addQdisc({ ...place, handle: "109:", ...spec })])).toThrow("EEXIST");
      // Somebody else's, with another handle, stays.
      socket.run([removeQdisc({ ...place, handle: "109:" })]);
      expect(world.shown("qdisc", "show")).toMatchObject([{ handle: "108:" }]);
      socket.run([removeQdisc(place), removeQdisc(place)]);
      expect(world.shown("qdisc", "show")).toMatchObject([{ kind: "noqueue" }]);
    });
  }

  test("one on a link that is gone is removed", () => {
    using world = stage();
    world.socket.run([removeQdisc({ index: 4711, parent: "root", handle: "108:" })]);
    expect(world.shown("qdisc", "show")).toMatchObject([{ kind: "noqueue" }]);
  });
});

test("classes have their rates, and their own queues", () => {
  using world = stage();
  const { socket, index } = world;
  const classes = [
    { handle: "108:1", rateBytes: 12_500_000_000, burstBytes: 0 },
    { handle: "108:2", rateBytes: 2_500_000, burstBytes: 100_000 },
  ];
  socket.run([
    addQdisc({ index, parent: "root", handle: "108:", kind: "htb", htb: { defaultClass: 2 } }),
    ...classes.map((one) => addTrafficClass(index, "108:", one)),
    addQdisc({
      index,
      parent: "108:2",
      handle: "109:",
      kind: "bfifo",
      bfifo: { limitBytes: 9000 },
    }),
  ]);
  const shown = world.netns.run("tc", "class", "show", "dev", "v");
  expect(shown).toContain("htb 108:1 root prio 0 rate 100Gbit ceil 100Gbit burst 0b");
  expect(shown).toContain(
    "class htb 108:2 root leaf 109: prio 0 rate 20Mbit ceil 20Mbit burst 100000b",
  );
  expect(listTrafficClasses(socket, index)).toEqual(classes);
  expect(qdiscsOf(socket, index)).toContainEqual({
    ...{ index, parent: "108:2", handle: "109:", kind: "bfifo", bfifo: { limitBytes: 9000 } },
  });
});

const ingress = { parent: "ingress", handle: "ffff:", kind: "ingress" } as const;

test("everything that comes in goes to another link", () => {
  using world = stage();
  const { socket, index, ifb } = world;
  const filter: NewFilter = {
    ...{ index, parent: "ffff:", priority: 1, protocol: "all", match: "all", redirect: ifb },
  };
  socket.run([addQdisc({ index, ...ingress }), addFilter(filter)]);
  expect(world.netns.run("tc", "filter", "show", "dev", "v", "ingress")).toContain(
    "mirred (Egress Redirect to device i) stolen",
  );
  const [told, ...more] = listFilters(socket, index, "ffff:");
  expect(more).toEqual([]);
  const { match: _, ...rest } = filter;
  expect(told).toEqual({ ...rest, keys: [{ mask: 0, value: 0, offset: 0 }] });
  socket.run([removeFilter(filter), removeFilter(filter)]);
  expect(listFilters(socket, index, "ffff:")).toEqual([]);
  socket.run([removeQdisc({ index, ...ingress }), removeQdisc({ index, ...ingress })]);
  expect(qdiscsOf(socket, index).map(({ kind }) => kind)).toEqual(["noqueue"]);
});

describe("packets are told apart by an address", () => {
  const cases: [string, Pick<NewFilter, "protocol" | "match">, string[]][] = [
    [
      "IPv4, to",
      { protocol: "ip", match: { field: "dst", prefix: "10.0.0.0/8" } },
      ["0a000000/ff000000 at 16"],
    ],
    [
      "IPv4, from",
      { protocol: "ip", match: { field: "src", prefix: "192.0.2.7/32" } },
      ["c0000207/ffffffff at 12"],
    ],
    [
      "IPv4, odd",
      { protocol: "ip", match: { field: "dst", prefix: "10.64.0.0/11" } },
      ["0a400000/ffe00000 at 16"],
    ],
    [
      "IPv4, any",
      { protocol: "ip", match: { field: "dst", prefix: "0.0.0.0/0" } },
      ["00000000/00000000 at 0"],
    ],
    [
      "IPv6, to",
      { protocol: "ipv6", match: { field: "dst", prefix: "fd00:1::/64" } },
      ["fd000001/ffffffff at 24", "00000000/ffffffff at 28"],
    ],
    [
      "IPv6, from",
      { protocol: "ipv6", match: { field: "src", prefix: "fd00::8000:0:0/81" } },
      ["fd000000/ffffffff at 8", "00000000/ffffffff at 12", "00008000/ffff8000 at 16"],
    ],
  ];
  for (const [name, fields, expected] of cases) {
    test(name, () => {
      using world = stage();
      const { socket, index } = world;
      const filter: NewFilter = { index, parent: "108:", priority: 7, classId: "108:1", ...fields };
      socket.run([
        addQdisc({ index, parent: "root", handle: "108:", kind: "htb", htb: { defaultClass: 2 } }),
        addTrafficClass(index, "108:", { handle: "108:1", rateBytes: 1000, burstBytes: 1000 }),
        addFilter(filter),
      ]);
      const shown = world.netns.run("tc", "filter", "show", "dev", "v");
      expect([...(shown.match(/(?<=match )\S+ at \d+/g) ?? [])]).toEqual(expected);
      expect(shown).toContain("flowid 108:1");
      expect(shown).toContain("pref 7");
      expect(listFilters(socket, index, "108:")).toMatchObject([
        { parent: "108:", priority: 7, protocol: fields.protocol, classId: "108:1" },
      ]);
    });
  }
});

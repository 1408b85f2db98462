/** Every table of rtnetlink and conntrack: round trips, truncated, damaged and random bytes. */
import { describe, expect, test } from "bun:test";
import fc, { type Arbitrary } from "fast-check";
import { DecodeError, Reader, Writer } from "../../lib/bytes.ts";
import { bytesToIp } from "../../lib/ip.ts";
import { addressLayout, readAddress } from "./address.ts";
import { bridgeVlanLayout, readBridgeVlans } from "./bridge-vlan.ts";
import type { AttrTable, Codec } from "./codec.ts";
import * as codec from "./codec.ts";
import { conntrackLayout, readConntrack } from "./conntrack.ts";
import { readFdbEntry } from "./fdb.ts";
import { readFilter } from "./filter.ts";
import { familyLayout } from "./generic.ts";
import { linkLayout } from "./link.ts";
import { readLink } from "./link-info.ts";
import { linkKinds, portKinds } from "./link-kinds.ts";
import {
  decode,
  encode,
  errorOf,
  type Layout,
  type Message,
  messages,
  request,
} from "./message.ts";
import { neighLayout, readNeigh } from "./neigh.ts";
import { netconfLayout, readNetconf } from "./netconf.ts";
import { readQdisc } from "./qdisc.ts";
import { readRoute } from "./route-info.ts";
import { routeLayout } from "./route-table.ts";
import { readRule, ruleLayout } from "./rule.ts";
import { trafficLayout } from "./traffic.ts";
import { readTrafficClass } from "./traffic-class.ts";
import {
  allowedIp,
  readWireguard,
  udpEnd,
  wireguardKey,
  wireguardLayout,
  wireguardPeer,
} from "./wireguard.ts";

const layouts: Record<string, Layout<any, any>> = {
  link: linkLayout,
  address: addressLayout,
  route: routeLayout,
  neighbour: neighLayout,
  rule: ruleLayout,
  netconf: netconfLayout,
  "bridge VLAN": bridgeVlanLayout,
  conntrack: conntrackLayout,
  "traffic control": trafficLayout,
  family: familyLayout,
  WireGuard: wireguardLayout,
};

/** What makes model words of messages of the layout. */
const readers: Record<string, ((message: Message) => unknown)[]> = {
  link: [readLink],
  address: [readAddress],
  route: [readRoute],
  neighbour: [readNeigh, readFdbEntry],
  rule: [readRule],
  netconf: [readNetconf],
  "bridge VLAN": [readBridgeVlans],
  conntrack: [readConntrack],
  family: [(message) => decode(message, familyLayout)],
  WireGuard: [(message) => readWireguard([message])],
  "traffic control": [readQdisc, readTrafficClass, readFilter],
};

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const u64 = fc.bigInt(0n, 0xffffffffffffffffn);
const smallBytes = fc.uint8Array({ maxLength: 24 });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const text = fc
  .string({ unit: "grapheme", maxLength: 20 })
  .filter((value) => !value.includes("\0"));
const address = fc.oneof(bytes(4), bytes(16)).map(bytesToIp);
const mac = fc
  .uint8Array({ maxLength: 20 })
  .map((value) => value.toHex().match(/../g)?.join(":") ?? "");

const simpleCodecs: readonly [string, Codec<any>, Arbitrary<unknown>][] = [
  ["u8", codec.u8, fc.nat(0xff)],
  ["u16", codec.u16, u16],
  ["u16be", codec.u16be, u16],
  ["u32", codec.u32, u32],
  ["u32be", codec.u32be, u32],
  ["i32", codec.i32, fc.integer()],
  ["u64", codec.u64, u64],
  ["u64be", codec.u64be, u64],
  ["bool", codec.bool, fc.boolean()],
  ["flag", codec.flag, fc.constant(true)],
  ["binary", codec.binary, smallBytes],
  ["string", codec.string, text],
  ["mac", codec.mac, mac],
  ["ip", codec.ip, address],
  ["WireGuard key", wireguardKey, bytes(32).map((value) => value.toBase64())],
  ["UDP end", udpEnd, fc.record({ address, port: u16 })],
];
const byCodec = new Map<unknown, Arbitrary<unknown>>(
  simpleCodecs.map(([, of, values]) => [of, values]),
);

/** What a codec can write, from its own table. */
function arbitraryOf(of: any): Arbitrary<any> {
  const known = byCodec.get(of);
  if (known) return known;
  if (of.table) return attrsOf(of.table);
  if (of.fields) return recordOf(Object.entries(of.fields));
  const names: Record<string, number> = of.names;
  const unnamed = fc
    .nat(of.size === 1 ? 0xff : 0xffff)
    .filter((n) => !Object.values(names).includes(n));
  return fc.oneof(fc.constantFrom(...Object.keys(names)), unnamed);
}

function recordOf(fields: [string, any][]): Arbitrary<any> {
  return fc.record(Object.fromEntries(fields.map(([name, of]) => [name, arbitraryOf(of)])));
}

/** Some of a table's attributes, most of them absent, as in life. */
function attrsOf(table: AttrTable): Arbitrary<any> {
  const entries = Object.entries(table).map(([name, [, of]]) =>
    fc.record({ name: fc.constant(name), value: arbitraryOf(of) }),
  );
  if (entries.length === 0) return fc.constant({});
  return fc
    .array(fc.oneof(...entries), { maxLength: 6 })
    .map((chosen) => Object.fromEntries(chosen.map(({ name, value }) => [name, value])));
}

const table = <T extends AttrTable>(of: { attrs: { table: T } }): T => of.attrs.table;
const nextHop = fc.record({
  flags: fc.nat(0xff),
  hops: fc.nat(0xff),
  index: fc.integer(),
  attrs: fc.oneof(fc.constant({}), fc.record({ gateway: address }), fc.record({ via: address })),
});
byCodec.set(table(routeLayout).via[1], address);
byCodec.set(table(routeLayout).nextHops[1], fc.array(nextHop, { maxLength: 4 }));
byCodec.set(
  linkKinds.veth.table.peer[1],
  fc.record(
    {
      name: text,
      index: fc.integer(),
      mac,
      mtu: u32,
      netNsFd: u32,
      group: u32,
      numTxQueues: u32,
      numRxQueues: u32,
    },
    { requiredKeys: ["name", "index"] },
  ),
);
byCodec.set(
  linkKinds.macvlan.table.allowedMacs[1],
  fc.array(mac, { maxLength: 4 }).map((macs) => macs.sort()),
);
byCodec.set(
  linkKinds.macvlan,
  attrsOf(linkKinds.macvlan.table).filter(
    ({ mode, allowedMacs }) => mode !== "source" || allowedMacs,
  ),
);
const kindOf = <K extends string>(kinds: Record<K, any>) =>
  fc.oneof(
    fc.record({ kind: text.filter((kind) => !Object.hasOwn(kinds, kind)) }),
    ...Object.entries(kinds).map(([kind, of]) =>
      fc.record({ kind: fc.constant(kind), data: arbitraryOf(of) }),
    ),
  ) as Arbitrary<{ kind: string; data?: unknown }>;
byCodec.set(
  table(linkLayout).kindInfo[1],
  fc.tuple(kindOf(linkKinds), kindOf(portKinds)).map(([{ kind, data }, port]) => ({
    kind,
    ...(data === undefined ? {} : { data }),
    portKind: port.kind,
    ...(port.data === undefined ? {} : { portData: port.data }),
  })),
);
const vlan = fc
  .record({ vid: u16, more: fc.nat(9), pvid: fc.boolean(), untagged: fc.boolean() })
  .filter(({ vid, more }) => vid + more <= 0xffff)
  .map(({ more, ...rest }) => (more === 0 ? rest : { ...rest, vidEnd: rest.vid + more }));
byCodec.set(
  table(bridgeVlanLayout).afSpec[1],
  fc.record({ flags: u16, vlans: fc.array(vlan, { maxLength: 5 }) }, { requiredKeys: ["vlans"] }),
);

byCodec.set(
  table({ attrs: wireguardPeer }).allowedIps[1],
  fc.array(attrsOf(allowedIp.table), { maxLength: 4 }),
);
byCodec.set(
  table(wireguardLayout).peers[1],
  fc.array(attrsOf(wireguardPeer.table), { maxLength: 4 }),
);

const runs = (numRuns: number) => ({ numRuns });

/** A message of a layout as the kernel would send it, and what it says. */
function messageOf(layout: Layout<any, any>) {
  return fc
    .record({ header: arbitraryOf(layout.header), attrs: arbitraryOf(layout.attrs) })
    .map((value) => {
      const out = new Writer(8);
      encode(out, request({ op: "", type: 16, flags: 0 }, layout, value), 0, 7);
      return { value, bytes: out.bytes };
    });
}

/** What decoding comes to: a value, or the one error that it may throw. */
function outcome<T>(work: () => T): T | "refused" {
  try {
    return work();
  } catch (error) {
    if (error instanceof DecodeError) return "refused";
    throw error;
  }
}

const decodeAll = (bytes: Uint8Array, layout: Layout<any, any>) =>
  messages(bytes).map((message) => decode(message, layout));

describe("every value that a codec writes, it reads again", () => {
  for (const [name, of, values] of simpleCodecs) {
    test(name, () => {
      fc.assert(
        fc.property(values, (value) => {
          const out = new Writer(8);
          of.write(out, value);
          const from = new Reader(out.bytes);
          expect(of.read(from)).toEqual(value);
          expect(from.left).toBe(0);
        }),
        runs(1000),
      );
    });
  }
  for (const [name, layout] of Object.entries(layouts)) {
    test(`the ${name} message`, () => {
      fc.assert(
        fc.property(messageOf(layout), ({ value, bytes }) =>
          expect(decodeAll(bytes, layout)).toEqual([value]),
        ),
        runs(2500),
      );
    });
  }
});

/** Whether `part` says nothing but what `whole` says: fields may lack, lists may end early. */
function isPart(part: any, whole: any): boolean {
  if (Array.isArray(part)) return part.every((item, at) => isPart(item, whole[at]));
  if (part instanceof Uint8Array || typeof part !== "object" || part === null) {
    return Bun.deepEquals(part, whole);
  }
  return Object.keys(part).every((key) => part[key] === undefined || isPart(part[key], whole[key]));
}

describe("a truncated message is refused or says less, and never anything else", () => {
  for (const [name, layout] of Object.entries(layouts)) {
    test(`the ${name} message`, () => {
      fc.assert(
        fc.property(messageOf(layout), fc.nat(), fc.boolean(), ({ value, bytes }, cut, adapt) => {
          const length = cut % bytes.length;
          const short = bytes.slice(0, length);
          // As when the sender ends there, or as when the receiver's buffer does.
          if (adapt && length >= 4) new DataView(short.buffer).setUint32(0, length, true);
          const found = outcome(() => decodeAll(short, layout));
          if (!adapt && length > 0) expect(found).toBe("refused");
          if (found !== "refused") expect(isPart(found, [value])).toBe(true);
        }),
        runs(2500),
      );
    });
  }
});

describe("damaged and random bytes give a value or a DecodeError, always", () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(0xff)), { minLength: 1, maxLength: 4 });
  // Attributes with plausible types, lengths that may lie, and anything for a value.
  const attribute = fc
    .tuple(fc.nat(60), fc.oneof({ arbitrary: fc.nat(60), weight: 1 }, fc.constant(-1)), smallBytes)
    .map(([type, lie, payload]) => {
      const out = new Writer(8);
      out.u16(lie < 0 ? 4 + payload.length : lie);
      out.u16(type);
      out.raw(payload);
      out.align(4);
      return out.bytes;
    });
  const attributes = fc.array(attribute, { maxLength: 5 }).map((all) => Buffer.concat(all));

  for (const [name, layout] of Object.entries(layouts)) {
    test(`the ${name} message with some bytes overwritten`, () => {
      fc.assert(
        fc.property(messageOf(layout), damage, ({ bytes }, hits) => {
          for (const [at, value] of hits) bytes[at % bytes.length] = value;
          for (const read of readers[name]!) outcome(() => messages(bytes).map(read));
        }),
        runs(3000),
      );
    });
    test(`the ${name} message with attributes made up`, () => {
      fc.assert(
        fc.property(attributes, (body) => {
          const out = new Writer();
          out.zeros(layout.header.size);
          out.raw(body);
          for (const read of readers[name]!) {
            const message = { type: 16, flags: 0, seq: 0, body: new Reader(out.bytes) };
            outcome(() => read(message));
          }
        }),
        runs(3000),
      );
    });
  }
  test("a buffer of random bytes, split into messages", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (buffer) => {
        const found = outcome(() => messages(buffer));
        if (found === "refused") return;
        const covered = found.reduce((sum, message) => sum + message.body.left + 16, 0);
        expect(covered).toBeLessThanOrEqual(buffer.length);
      }),
      runs(10000),
    );
  });
  test("an acknowledgement of random bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        u16,
        fc.constantFrom(2, 3),
        (body, flags, type) => {
          outcome(() => errorOf({ type, flags, seq: 0, body: new Reader(body) }, "test"));
        },
      ),
      runs(5000),
    );
  });
});

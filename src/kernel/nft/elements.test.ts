/** The codec of elements, sets, chains and rules: captured messages, round trips, damaged bytes. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { DecodeError, Reader, Writer } from "../../lib/bytes.ts";
import { bytesToIp } from "../../lib/ip.ts";
import type { NftData, NftValue } from "../../model/kernel-object.ts";
import type { NftType } from "../../model/nft.ts";
import { eachAttr } from "../netlink/codec.ts";
import { encode, type Message, messages } from "../netlink/message.ts";
import * as elements from "./elements.ts";
import type { NftElement } from "./nft.ts";
import * as objects from "./objects.ts";
import { typesOf, valuesText } from "./value.ts";
import { headerBytes } from "./wire.ts";

/** Captured messages of one kind, in order; the file tells how they were captured. */
function capturedBytes(who: "nft" | "kernel", kind: string): Uint8Array[] {
  const text = readFileSync(`${import.meta.dir}/captured-messages.txt`, "utf8");
  return text
    .split("\n\n")
    .map((block) => block.split("\n").filter((line) => !line.startsWith("#")))
    .filter((lines) => lines[0] === `${who} ${kind}`)
    .map((lines) => Uint8Array.fromHex(lines.slice(1).join("")));
}

const captured = (who: "nft" | "kernel", kind: string): Message[] =>
  capturedBytes(who, kind).map((bytes) => messages(bytes)[0]!);

const at = { kind: "nft-element", family: "inet", table: "x" } as const;
const end = (ipv4: string, l4Port: number) => ({ values: [{ ipv4 }, { l4Port }] });

/** What captured-ruleset.nft holds, set by set. */
const ruleset: Record<string, readonly NftElement[]> = {
  m: [
    {
      ...at,
      set: "m",
      key: [{ proto: 6 }, { l4Port: 80 }],
      data: end("10.0.0.1", 8080),
      comment: "a b",
    },
  ],
  m6: [
    {
      ...at,
      set: "m6",
      key: [{ ipv6: "fd00::1" }, { proto: 17 }, { l4Port: 81 }],
      data: { values: [{ ipv6: "fd00::2" }, { l4Port: 8081 }] },
    },
  ],
  v: [
    { ...at, set: "v", key: [{ ipv4: "10.0.0.1" }], data: { goto: "masq" }, comment: "gg" },
    { ...at, set: "v", key: [{ ipv4: "10.0.0.2" }], data: { verdict: "accept" } },
    { ...at, set: "v", key: [{ ipv4: "10.0.0.3" }], data: { verdict: "drop" } },
    { ...at, set: "v", key: [{ ipv4: "10.0.0.4" }], data: { jump: "masq" } },
  ],
  k: [{ ...at, set: "k", key: [{ ifname: "eth0" }], data: { values: [{ mark: 0x01000000 }] } }],
  h: [{ ...at, set: "h", key: [{ ifname: "eth0" }, { ifname: "br0" }], comment: "zz" }],
  e: [
    {
      ...at,
      set: "e",
      key: [{ ifname: "eth0" }, { mac: "02:03:04:05:06:07" }, { ipv4: "1.2.3.4" }],
    },
  ],
};

const shapeOf = (element: NftElement): elements.SetShape => ({
  ...element,
  key: typesOf(element.key),
  data:
    element.data &&
    ("values" in element.data ? typesOf(element.data.values) : ("verdict" as const)),
});
const byKey = (list: readonly NftElement[]) =>
  [...list].sort((a, b) => valuesText(a.key).localeCompare(valuesText(b.key)));

/** A request as the message that the kernel gets. */
function sent(element: NftElement): Message {
  const out = new Writer();
  encode(out, elements.addElement(element), 0, 1);
  return messages(out.bytes.slice())[0]!;
}

/** What stands in NFTA_SET_ELEM_LIST_ELEMENTS: nft also numbers the set, before it. */
function elementBytes(message: Message): string {
  let hex = "";
  message.body.skip(headerBytes);
  eachAttr(message.body, (type, value) => {
    if (type === 3) hex = value.raw(value.left).toHex();
  });
  return hex;
}

describe("captured messages", () => {
  const names = Object.keys(ruleset);
  const shapes = captured("kernel", "set").map((message, i) =>
    elements.readShape(message, { family: "inet", table: "x", set: names[i]! }),
  );

  test("the kernel's sets have the types that nft was given", () => {
    expect(shapes).toHaveLength(6);
    for (const { family, table, set, key, data } of shapes) {
      const want = shapeOf(ruleset[set]![0]!);
      expect({ family, table, set, key, data }).toEqual({
        family: "inet",
        table: "x",
        set,
        key: want.key,
        data: want.data,
      });
    }
  });

  test("the kernel's elements read as nft shows them", () => {
    const found = captured("kernel", "element");
    expect(found).toHaveLength(6);
    found.forEach((message, i) => {
      const shape = shapes[i]!;
      expect(byKey(elements.readElements(message, shape))).toEqual([...ruleset[shape.set]!]);
    });
  });

  test("nft's own requests hold the bytes that ours do", () => {
    const found = captured("nft", "element");
    expect(found).toHaveLength(6);
    found.forEach((message, i) => {
      const want = ruleset[names[i]!]!;
      // Of several elements nft numbers the attributes, which the kernel ignores and never does.
      if (want.length > 1) return;
      expect(elementBytes(message)).toBe(elementBytes(sent(want[0]!)));
    });
  });

  test("the kernel's rules and chains read as nft shows them", () => {
    expect(captured("kernel", "rule").map(objects.readRule)).toEqual([
      { chain: "masq", handle: 8, comment: "hello rule", targets: [], constants: [] },
      { chain: "c", handle: 10, comment: undefined, targets: [], constants: [] },
    ]);
    expect(captured("kernel", "rule").map(objects.readRuleComment)).toEqual([
      { chain: "masq", comment: "hello rule" },
      { chain: "c", comment: undefined },
    ]);
    expect(captured("kernel", "chain").map((item) => objects.readChain(item, "inet"))).toEqual([
      { table: "x", name: "masq", handle: 7, use: 3, hook: undefined },
      { table: "x", name: "c", handle: 9, use: 1, hook: undefined },
    ]);
  });
});

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const linkName = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 15 })
  .filter((text) => /^[^\0/\s]{1,15}$/.test(text) && new TextEncoder().encode(text).length <= 15);
const arbitraryOf: Record<NftType, fc.Arbitrary<NftValue>> = {
  ipv4_addr: bytes(4).map((raw) => ({ ipv4: bytesToIp(raw) })),
  ipv6_addr: bytes(16).map((raw) => ({ ipv6: bytesToIp(raw) })),
  nd_target: bytes(16).map((raw) => ({ ndTarget: bytesToIp(raw) })),
  ether_addr: bytes(6).map((raw) => ({ mac: raw.toHex().replace(/..(?=.)/g, "$&:") })),
  ifname: linkName.map((ifname) => ({ ifname })),
  inet_proto: fc.nat(255).map((proto) => ({ proto })),
  inet_service: fc.nat(65535).map((l4Port) => ({ l4Port })),
  mark: fc.nat(0xffffffff).map((mark) => ({ mark })),
};
const anyValue = fc.oneof(...Object.values(arbitraryOf));
const values = fc.array(anyValue, { minLength: 1, maxLength: 4 });
const chain = fc.stringMatching(/^[a-z][a-z0-9_./-]{0,60}$/);
const data: fc.Arbitrary<NftData> = fc.oneof(
  values.map((list) => ({ values: list })),
  fc.constantFrom({ verdict: "accept" } as const, { verdict: "drop" } as const),
  chain.map((name) => ({ goto: name })),
  chain.map((name) => ({ jump: name })),
);
const commentText = fc
  .string({ unit: "grapheme", maxLength: 128 })
  .filter((text) => !text.includes("\0") && new TextEncoder().encode(text).length <= 128);
const anyElement: fc.Arbitrary<NftElement> = fc.record(
  {
    kind: fc.constant("nft-element" as const),
    family: fc.constantFrom("inet", "bridge", "netdev"),
    table: chain,
    set: chain,
    key: values,
    data,
    comment: commentText,
  },
  { requiredKeys: ["kind", "family", "table", "set", "key"] },
);

/** The error of a decoder, or undefined; anything but a DecodeError is thrown on. */
function damage(work: () => unknown): DecodeError | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
  return undefined;
}

const everyKind = ["element", "set", "rule", "chain"];
const everyCapture = everyKind.flatMap((kind) =>
  captured("kernel", kind).map((_, i) => [kind, i] as const),
);

function readAs(kind: string, message: Message, shape: elements.SetShape): unknown {
  if (kind === "element") return elements.readElements(message, shape);
  if (kind === "set") return elements.readShape(message, shape);
  if (kind === "chain") return objects.readChain(message, "inet");
  return objects.readRule(message);
}

describe("any element", () => {
  test("is read as it was written", () => {
    fc.assert(
      fc.property(anyElement, (element) => {
        expect(elements.readElements(sent(element), shapeOf(element))).toEqual([element]);
      }),
      { numRuns: 10_000 },
    );
  });

  test("keeps its value when a shape of the same length is not its own", () => {
    const shape = { ...shapeOf(ruleset.v![0]!), key: ["ipv4_addr", "ipv4_addr"] as const };
    expect(damage(() => elements.readElements(sent(ruleset.v![0]!), shape))).toBeDefined();
  });
});

describe("damaged messages give a DecodeError or what the bytes say, and always end", () => {
  const shape = shapeOf(ruleset.m![0]!);
  const kept = new Map(everyKind.map((kind) => [kind, capturedBytes("kernel", kind)]));
  const raw = (kind: string, index: number) => kept.get(kind)![index]!;

  test("cut off anywhere", () => {
    for (const [kind, index] of everyCapture) {
      const whole = raw(kind, index);
      for (let length = 1; length < whole.length; length++) {
        expect(damage(() => messages(whole.subarray(0, length)))).toBeDefined();
        const body = new Reader(whole, 16, length < 16 ? 16 : length);
        damage(() => readAs(kind, { type: 0, flags: 0, seq: 0, body }, shape));
      }
    }
  });

  test("with some bytes changed", () => {
    const change = fc.tuple(fc.nat(500), fc.nat(255));
    const changes = fc.array(change, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...everyCapture), changes, ([kind, index], list) => {
        const bytes = raw(kind, index).slice();
        for (const [at, value] of list) bytes[at % bytes.length] = value;
        damage(() => {
          for (const message of messages(bytes)) readAs(kind, message, shape);
        });
      }),
      { numRuns: 30_000 },
    );
  });

  test("of random bytes", () => {
    const kinds = fc.constantFrom(...everyKind);
    fc.assert(
      fc.property(kinds, fc.uint8Array({ maxLength: 200 }), (kind, bytes) => {
        const body = new Reader(bytes);
        damage(() => readAs(kind, { type: 0, flags: 0, seq: 0, body }, shape));
      }),
      { numRuns: 20_000 },
    );
  });

  test("whose verdict, type, interval or padding means nothing to us", () => {
    const verdict = sent({ ...ruleset.v![0]!, data: { goto: "masq" } });
    const other = { ...shapeOf(ruleset.v![0]!), data: ["ipv4_addr"] as const };
    expect(damage(() => elements.readElements(verdict, other))).toBeDefined();
    const name = { family: "inet", table: "x", set: "m" } as const;
    const whole = raw("set", 0).slice();
    const keyType = whole.toHex().indexOf("0000030d") / 2;
    whole[keyType + 3] = 0x0e;
    expect(damage(() => elements.readShape(messages(whole)[0]!, name))).toBeDefined();
    const flags = raw("set", 0).slice();
    flags[flags.toHex().indexOf("0800030000000008") / 2 + 7] = 0x0c;
    expect(damage(() => elements.readShape(messages(flags)[0]!, name))).toBeDefined();
    const padded = raw("element", 0).slice();
    padded[padded.toHex().indexOf("06000000005000") / 2 + 1] = 1;
    expect(damage(() => elements.readElements(messages(padded)[0]!, shape))).toBeDefined();
  });
});

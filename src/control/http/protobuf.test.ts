/** What kubectl 1.36 sends as protobuf, as it was seen on the wire, and what nobody should send. */
import { expect, test } from "bun:test";
import type { ApiError } from "../../api/status-error.ts";
import { readProtobuf } from "./protobuf.ts";

const field = (number: number, content: Uint8Array | string): Uint8Array => {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return Uint8Array.from([number * 8 + 2, bytes.length, ...bytes]);
};
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const magic = new TextEncoder().encode("k8s\0");
const envelope = (apiVersion: string, kind: string, raw: Uint8Array) =>
  join(
    magic,
    field(1, join(field(1, apiVersion), field(2, kind))),
    field(2, raw),
    field(3, ""),
    field(4, ""),
  );

test("a namespace with labels is read", () => {
  const labels = [
    ["a", "b"],
    ["c", "d"],
  ].map(([key, value]) => field(11, join(field(1, key!), field(2, value!))));
  const generation = Uint8Array.from([7 * 8, 0x80, 0x01]);
  const metadata = join(field(1, "team-a"), generation, ...labels);
  const bytes = envelope("v1", "Namespace", join(field(1, metadata), field(2, "")));
  expect(readProtobuf(bytes, [])).toEqual({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "team-a", labels: { a: "b", c: "d" } },
    spec: {},
  });
});

const refusals: [string, Uint8Array, number][] = [
  ["another kind", envelope("v1", "Pod", field(1, "")), 415],
  ["no magic", field(1, "x"), 400],
  ["a length beyond the end", join(magic, Uint8Array.from([10, 200, 1, 5])), 400],
  ["a number without end", join(magic, new Uint8Array(40).fill(0xff)), 400],
  ["a group, which protobuf has no more", join(magic, Uint8Array.from([11, 1])), 400],
];

for (const [what, bytes, code] of refusals) {
  test(`${what} is refused`, () => {
    try {
      readProtobuf(bytes, []);
      expect.unreachable();
    } catch (error) {
      expect((error as ApiError).code).toBe(code);
    }
  });
}

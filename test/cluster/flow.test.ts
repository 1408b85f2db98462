/** What a flow makes of ping's words. */
import { expect, test } from "bun:test";
import { lossOf } from "./flow.ts";

const answer = (seq: number) => `64 bytes from 198.18.0.64: icmp_seq=${seq} ttl=64 time=0.1 ms`;
const cases: readonly [string, readonly number[], number, object][] = [
  ["nothing lost", [1, 2, 3], 3, { sent: 3, lost: 0, longestGapMs: 0 }],
  ["the last under way", [1, 2, 3], 4, { sent: 3, lost: 0, longestGapMs: 0 }],
  ["two gaps", [1, 3, 6, 7], 8, { sent: 7, lost: 3, longestGapMs: 20 }],
  ["nothing came back", [], 5, { sent: 4, lost: 4, longestGapMs: 40 }],
];
for (const [name, answered, told, loss] of cases) {
  test(name, () => {
    const text = [
      ...answered.map(answer),
      `${told} packets transmitted, ${answered.length} received`,
    ];
    expect(lossOf(text.join("\n"), 10)).toEqual(loss as never);
  });
}

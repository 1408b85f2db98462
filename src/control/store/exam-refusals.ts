/** The part of the exam about what a store must not take. */
import { expect } from "bun:test";
import type { Case } from "./exam.ts";
import { commitLimits, type Store, StoreUnavailableError } from "./store.ts";

const key = "exam/refused";
const many = (count: number) => Array.from({ length: count }, (_, i) => `${key}/${i}`);
const refused: [what: string, ...Parameters<Store["commit"]>][] = [
  ["a key twice", [], [{ key, value: "1" }, { key }]],
  ["an empty key", [], [{ key: "", value: "1" }]],
  ["half a character in a key", [], [{ key: `${key}\ud800`, value: "1" }]],
  ["half a character in a value", [], [{ key, value: "\udc00" }]],
  ["a NUL in a key", [], [{ key: `${key}\0`, value: "1" }]],
  ["a NUL in a value", [], [{ key, value: "\0" }]],
  ["too many changes", [], many(commitLimits.changes + 1).map((key) => ({ key, value: "1" }))],
  [
    "too many conditions",
    many(commitLimits.conditions + 1).map((key) => ({ key, revision: 0 })),
    [],
  ],
  ["too many bytes", [], [{ key, value: "x".repeat(commitLimits.bytes) }]],
];

export const refusals: Record<string, Case> = {
  ...Object.fromEntries(
    refused.map(([what, conditions, changes]): [string, Case] => [
      `${what} is refused, and nothing is written`,
      async (store) => {
        await expect(store.commit(conditions, changes)).rejects.toThrow(RangeError);
        expect((await store.list(key)).entries).toEqual([]);
      },
    ]),
  ),
  "as much as is allowed is taken": async (store, at) => {
    const names = Array.from({ length: commitLimits.changes }, (_, i) => `${at}${i}`);
    const conditions = names.map((key) => ({ key, revision: 0 }));
    const value = "x".repeat(commitLimits.bytes / commitLimits.changes - 2 * at.length);
    const changes = names.map((key) => ({ key, value }));
    expect(await store.commit(conditions, changes)).toBeNumber();
    expect((await store.list(at)).entries).toHaveLength(commitLimits.changes);
  },
  "a closed store says so": async (store, at) => {
    await store.close();
    await expect(store.get(`${at}a`)).rejects.toThrow(StoreUnavailableError);
    await expect(store.getAll([`${at}a`])).rejects.toThrow(StoreUnavailableError);
    await store.close();
  },
};

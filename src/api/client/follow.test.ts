/** Following: of a source that can be listed, and of one whose watch begins with all. */
import { describe, expect, test } from "bun:test";
import { networkKind } from "../kinds/network.ts";
import { initialEventsEnd, type WatchEvent } from "../node-spec.ts";
import { expired, forbidden } from "../status-error.ts";
import { follow, type Source, versionOf } from "./follow.ts";
import { UnreachableError } from "./transport.ts";

const event = (
  type: WatchEvent["type"],
  resourceVersion: string,
  isEnd = false,
): WatchEvent<any> => ({
  type,
  object: {
    metadata: { resourceVersion, ...(isEnd && { annotations: { [initialEventsEnd]: "true" } }) },
  },
});
const added = (version: string) => event("ADDED", version);
const away = new UnreachableError("down");

/** Watches that bring these in turn: an error ends one. Where each began is noted. */
function scripted(watches: readonly (readonly (WatchEvent<any> | Error)[])[]) {
  const left = [...watches];
  const begun: (string | undefined)[] = [];
  const stop = new AbortController();
  const source: Source<string, any> = {
    async *watch({ resourceVersion, onOpen }) {
      begun.push(resourceVersion);
      const next = left.shift();
      if (!next) return stop.abort();
      onOpen();
      for (const each of next) {
        if (each instanceof Error) throw each;
        yield each;
      }
    },
  };
  return { source, begun, stop };
}

async function told(
  watches: readonly (readonly (WatchEvent<any> | Error)[])[],
  lists?: readonly (string | Error)[],
) {
  const { source, begun, stop } = scripted(watches);
  const left = [...(lists ?? [])];
  const list = async () => {
    const version = left.shift()!;
    if (version instanceof Error) throw version;
    return { list: `all of ${version}`, version };
  };
  const reached: unknown[] = [];
  const seen: string[] = [];
  const following = follow(lists ? { ...source, list } : source, {
    signal: stop.signal,
    sleep: async () => {},
    onReached: (isReached, error) => reached.push(error ?? isReached),
  });
  for await (const change of following) {
    seen.push(change.type === "LIST" ? change.list : `${change.type} ${version(change)}`.trim());
  }
  return { seen, begun, reached };
}

const version = (change: object) => ("object" in change ? versionOf(change.object) : "");

describe("a source that can be listed", () => {
  test("goes on where it broke off, and is listed again where events were forgotten", async () => {
    const { seen, begun, reached } = await told(
      [[added("2"), event("BOOKMARK", "5"), away], [], [expired("old")]],
      ["1", "7"],
    );
    expect(seen).toEqual(["all of 1", "ADDED 2", "BOOKMARK 5", "all of 7"]);
    expect(begun).toEqual(["1", "5", "5", "7"]);
    expect(reached).toEqual([true, away, true, false, true, expect.any(Error)]);
  });

  test("ends with what trying again can't mend, and goes on where access is refused", async () => {
    const refused = forbidden(networkKind, "", "no grant");
    expect((await told([], [refused, away, "3"])).seen).toEqual(["all of 3"]);
    await expect(told([], [new TypeError("defect")])).rejects.toThrow("defect");
  });
});

describe("a source whose watch begins with all", () => {
  test("begins anew where its beginning was cut short or is forgotten", async () => {
    const { seen, begun } = await told([
      [added("3"), away],
      [added("3"), event("BOOKMARK", "9", true), added("10"), expired("old")],
      [event("BOOKMARK", "12", true)],
    ]);
    expect(begun).toEqual([undefined, undefined, undefined, "12"]);
    expect(seen).toEqual([
      ...["BEGIN", "ADDED 3"],
      ...["BEGIN", "ADDED 3", "BOOKMARK 9", "ADDED 10"],
      ...["BEGIN", "BOOKMARK 12"],
    ]);
  });
});

test("a table's event is of its row's version", () => {
  const row = { object: { metadata: { resourceVersion: "4" } } };
  expect(versionOf({ kind: "Table", metadata: { resourceVersion: "" }, rows: [row] })).toBe("4");
  expect(versionOf({ kind: "Network", metadata: {} })).toBeUndefined();
});

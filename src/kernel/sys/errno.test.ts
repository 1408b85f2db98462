/** The names of errnos, against those that the runtime knows. */
import { expect, test } from "bun:test";
import { constants } from "node:os";
import { errnoName } from "./errno.ts";

test("every errno has the name that the system's headers give it", () => {
  // Linux gives one number two names here; the first is the one that the kernel's sources use.
  const twins: Record<string, string> = { ENOTSUP: "EOPNOTSUPP", EWOULDBLOCK: "EAGAIN" };
  const known = Object.entries(constants.errno);
  expect(known.length).toBeGreaterThan(70);
  for (const [name, number] of known) expect(errnoName(number)).toBe(twins[name] ?? name);
});

test("a number without a name is told as a number", () => {
  expect(errnoName(524)).toBe("errno 524");
});

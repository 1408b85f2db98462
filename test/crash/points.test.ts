/** What strace writes is read as points. */
import { expect, test } from "bun:test";
import { pointsOf } from "./points.ts";

test("points are the main thread's, counted by call, without opening for reading", () => {
  const trace = [
    '10    openat(AT_FDCWD, "/lib/libc.so.6", O_RDONLY|O_CLOEXEC) = 3',
    '11    write(4, "x", 1) = 1',
    '10    openat(AT_FDCWD, "/run/lock", O_RDWR|O_CREAT, 0600) = 3',
    "10    flock(3, LOCK_EX <unfinished ...>",
    "11    sendto(5, NULL, 0, 0, NULL, 0) = 0",
    "10    <... flock resumed>)              = 0",
    "10    +++ exited with 0 +++",
    "",
  ].join("\n");
  expect(pointsOf(trace).map(({ call, nth }) => `${call} ${nth}`)).toEqual(["openat 2", "flock 1"]);
});

/** Files by libc against node:fs, and system calls in the background. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  mkdtempSync,
  readFileSync as nodeRead,
  statSync as nodeStat,
  writeFileSync as nodeWrite,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { Background } from "./background.ts";
import * as files from "./files.ts";

const dir = mkdtempSync(`${tmpdir()}/netloom-files-`);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(files.FileError);
    return (error as files.FileError).code;
  }
  return undefined;
}

describe("a file", () => {
  test("is read as it was written, however long and in whatever script", () => {
    for (const text of [
      "",
      "a",
      "grüße, 世界 🌍",
      "x".repeat(100_000),
      `\ufeff${"ü".repeat(5000)}`,
    ]) {
      files.writeFileSync(`${dir}/text`, text, 0o640);
      expect(nodeRead(`${dir}/text`, "utf8")).toBe(text);
      expect(files.readFileSync(`${dir}/text`)).toBe(text);
    }
    expect(nodeStat(`${dir}/text`).mode & 0o777).toBe(0o640);
  });

  test("is read and written at a position", () => {
    nodeWrite(`${dir}/at`, "0123456789");
    const fd = files.openSync(`${dir}/at`, "r+");
    const two = new Uint8Array(2);
    expect(files.readSync(fd, two, 4)).toBe(2);
    expect([...two]).toEqual([52, 53]);
    expect(files.writeSync(fd, "ab", 8)).toBe(2);
    expect(files.readFileSync(fd)).toBe("01234567ab");
    files.closeSync(fd);
  });

  test("is opened as the flags say, and never for a program that is started", () => {
    nodeWrite(`${dir}/flags`, "old");
    expect(codeOf(() => files.openSync(`${dir}/flags`, "wx"))).toBe("EEXIST");
    expect(codeOf(() => files.openSync(`${dir}/none`, "r"))).toBe("ENOENT");
    expect(codeOf(() => files.openSync(`${dir}/none`, "r+"))).toBe("ENOENT");
    const appended = files.openSync(`${dir}/flags`, "a");
    files.writeSync(appended, " new");
    expect(nodeRead(`/proc/self/fdinfo/${appended}`, "utf8")).toMatch(/^flags:\t02\d{6}$/m);
    files.closeSync(appended);
    files.closeSync(files.openSync(`${dir}/flags`, "r or new"));
    expect(files.readFileSync(`${dir}/flags`)).toBe("old new");
    files.closeSync(files.openSync(`${dir}/flags`, "w"));
    expect(files.readFileSync(`${dir}/flags`)).toBe("");
  });

  test("is told as node:fs tells it", () => {
    nodeWrite(`${dir}/stat`, "");
    symlinkSync(`${dir}/stat`, `${dir}/symlink`);
    const fd = files.openSync(`${dir}/stat`, "r");
    files.futimesSync(fd, 1_234_567_890.25);
    const { mtimeNs } = nodeStat(`${dir}/stat`, { bigint: true });
    const stat = files.statSync(`${dir}/symlink`)!;
    expect(stat).toEqual(files.fstatSync(fd));
    expect(stat).toMatchObject({ type: "file", names: 1, mtimeMs: 1_234_567_890_250 });
    expect(stat.mtime.replace(".", "")).toBe(String(mtimeNs));
    expect(files.lstatSync(`${dir}/symlink`)).toMatchObject({ type: "other" });
    expect(files.statSync(dir)).toMatchObject({ type: "folder", device: stat.device });
    expect(files.statSync("/proc")!.device).not.toBe(stat.device);
    expect(files.statSync(dir)!.identity).not.toBe(stat.identity);
    expect(files.statSync(`${dir}/none`)).toBeUndefined();
    expect(codeOf(() => files.statSync(`${dir}/stat/below`))).toBe("ENOTDIR");
    expect([`${dir}/stat`, `${dir}/none`].map(files.existsSync)).toEqual([true, false]);
    files.removeSync(`${dir}/stat`);
    expect(files.fstatSync(fd).names).toBe(0);
    files.closeSync(fd);
  });

  test("gets a second name, another, and none", () => {
    nodeWrite(`${dir}/one`, "1");
    files.linkSync(`${dir}/one`, `${dir}/two`);
    expect(codeOf(() => files.linkSync(`${dir}/one`, `${dir}/two`))).toBe("EEXIST");
    files.renameSync(`${dir}/two`, `${dir}/three`);
    expect(files.readFileSync(`${dir}/three`)).toBe("1");
    expect([files.removeSync(`${dir}/three`), files.removeSync(`${dir}/three`)]).toEqual([
      true,
      false,
    ]);
    expect(codeOf(() => files.removeSync(`${dir}/one/below`))).toBe("ENOTDIR");
  });

  test("cannot be named with a NUL, which would name another", () => {
    expect(() => files.existsSync(`${dir}/one\0more`)).toThrow("holds a NUL");
  });
});

describe("a folder", () => {
  test("is made with those above it, listed and removed", () => {
    expect(files.mkdirSync(`${dir}/a/b`, 0o700)).toBe(`${dir}/a`);
    expect(files.mkdirSync(`${dir}/a/b`, 0o700)).toBeUndefined();
    nodeWrite(`${dir}/a/file`, "");
    const listed = files.readdirSync(`${dir}/a`).map((entry) => [entry.name, entry.isFile()]);
    expect(listed.sort()).toEqual([
      ["b", false],
      ["file", true],
    ]);
    files.removeFolder(`${dir}/a`);
    files.removeFolder(`${dir}/a`);
    expect(files.existsSync(`${dir}/a`)).toBe(false);
  });
});

describe("in the background", () => {
  test("many writes and syncs are done once finished, in any order", () => {
    const fd = files.openSync(`${dir}/many`, "w");
    const texts = Array.from({ length: 50 }, (_, n) => `line ${n}`);
    const begun = texts.map((text) => Background.write(fd, new TextEncoder().encode(text)));
    const syncs = texts.map(() => Background.fsync(fd));
    Bun.gc(true);
    for (const each of [...syncs, ...begun].reverse()) each.finish();
    // At offset 0 all of them, as aio_write has it: the file holds one of the longest.
    expect(files.readFileSync(`${dir}/many`)).toMatch(/^line \d\d$/);
    files.closeSync(fd);
  });

  test("a failure is told when finished, each time", () => {
    const fd = files.openSync(`${dir}/many`, "r");
    const write = Background.write(fd, new Uint8Array(3));
    expect(codeOf(() => write.finish())).toBe("EBADF");
    expect(codeOf(() => write.finish())).toBe("EBADF");
    files.closeSync(fd);
    expect(codeOf(() => Background.fsync(fd).finish())).toBe("EBADF");
  });
});

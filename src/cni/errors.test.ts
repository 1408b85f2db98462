/** Tests which code each error becomes. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { CheckError, ConflictError, ExhaustedError, UnavailableError } from "../ipam/errors.ts";
import { NetlinkError } from "../kernel/netlink/error.ts";
import { NetnsError } from "../kernel/netns/netns.ts";
import { SysError } from "../kernel/sys/libc.ts";
import { SysctlError } from "../kernel/sysctl/sysctl.ts";
import { DecodeError } from "../lib/bytes.ts";
import { AddressError } from "../lib/ip.ts";
import { ConfigError } from "../model/config-error.ts";
import { CniError, errorJson, toCniError } from "./errors.ts";

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
}

const noFile = thrownBy(() => readFileSync("/nowhere/at/all"));

describe("an error", () => {
  for (const [name, error, code] of [
    ["of wrong configuration", new ConfigError("mtu", "too large"), 7],
    ["of a text that is no address", new AddressError("x", "no address"), 7],
    ["of the kernel", new NetlinkError("create link", 17), 100],
    ["of the kernel that passes by itself", new NetlinkError("create link", 16), 11],
    ["of a full kernel buffer", new NetlinkError("list links", 105), 11],
    ["of a kernel message that can't be read", new DecodeError("cut short", 4), 100],
    ["of a namespace", new NetnsError("enter", "/x", new SysError("setns", 22)), 8],
    ["of a sysctl", new SysctlError("read", "net/x", new SysError("open", 2)), 100],
    ["of a system call", new SysError("bind", 1), 100],
    ["of a file", noFile, 5],
    ["of a full disk", Object.assign(new Error("x"), { code: "ENOSPC", syscall: "write" }), 5],
    ["of too many open files", Object.assign(new Error("x"), { code: "EMFILE", syscall: "o" }), 11],
    ["of no free address", new ExhaustedError("full"), 101],
    ["of something held by another", new ConflictError("held"), 102],
    ["of a failed check", new CheckError("differs"), 103],
    ["of being unable to serve", new UnavailableError("no"), 50],
    ["of our own making", new TypeError("x is undefined"), 999],
    ["that has a code but no system call", Object.assign(new Error("x"), { code: "ERR" }), 999],
    ["that is CNI's already", new CniError(3, "gone"), 3],
    ["that is no Error", "text", 999],
  ] as const) {
    test(`${name} has code ${code}`, () => expect(toCniError(error).code).toBe(code));
  }

  test("keeps its message, and its causes as details", () => {
    const cause = new Error("disk fails", { cause: new Error("cable") });
    const { message, details } = toCniError(new ConfigError("mtu", "wrong", { cause }));
    expect(message).toBe("mtu: wrong");
    expect(details).toBe("disk fails: cable");
  });

  test("of our own making shows where it comes from", () => {
    expect(toCniError(new TypeError("x")).details).toContain("errors.test.ts");
  });

  test("of many has the first one's code and everybody's message", () => {
    const many = new AggregateError([new ConfigError("", "one"), new Error("two")], "Cannot stop");
    expect(toCniError(many)).toMatchObject({ code: 7, message: "Cannot stop: one; two" });
    expect(toCniError(new AggregateError([], "none")).code).toBe(999);
  });
});

test("error JSON has the version, the code and the message, and details only if there are any", () => {
  expect(JSON.parse(errorJson(new CniError(7, "wrong"), "0.4.0"))).toEqual({
    cniVersion: "0.4.0",
    code: 7,
    msg: "wrong",
  });
  expect(JSON.parse(errorJson(new CniError(7, "wrong", "more")))).toEqual({
    cniVersion: "1.1.0",
    code: 7,
    msg: "wrong",
    details: "more",
  });
});

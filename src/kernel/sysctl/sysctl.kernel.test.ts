/** Sysctls of fresh namespaces, judged by what a process inside reads. */
import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { hostNetns } from "../../model/kernel-object.ts";
import { ScratchNetns } from "../netns/scratch.ts";
import { readSysctl, readSysctls, SysctlError, writeSysctl, writeSysctls } from "./sysctl.ts";

const forward = "net/ipv4/ip_forward";

/** Fresh namespaces take over what the host forwards: this one forwards nothing. */
function stage(): ScratchNetns {
  const netns = new ScratchNetns("sysctl");
  netns.run("sh", "-c", `echo 0 > /proc/sys/${forward}`);
  return netns;
}

function shown(netns: ScratchNetns, path: string): string {
  return netns.run("cat", `/proc/sys/${path}`).trimEnd();
}

/** The error that `work` throws. */
function refused(work: () => unknown): SysctlError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(SysctlError);
    return error as SysctlError;
  }
  throw new Error("nothing was refused");
}

test("a value set in a namespace is seen inside it and nowhere else", () => {
  using one = stage();
  using other = stage();
  const before = readSysctl(hostNetns, forward);
  for (const value of ["1", "0", "1"]) {
    writeSysctl(one.path, forward, value);
    expect(shown(one, forward)).toBe(value);
    expect(readSysctl(one.path, forward)).toBe(value);
  }
  expect(shown(other, forward)).toBe("0");
  expect(readSysctl(hostNetns, forward)).toBe(before!);
});

test("many values are set and read in order, of links with dots in their names too", () => {
  using netns = stage();
  netns.run("ip", "link", "add", "eth0.100", "type", "veth");
  const values = [
    { path: "net/ipv4/conf/eth0.100/forwarding", value: "1" },
    { path: "net/ipv6/conf/eth0.100/accept_ra", value: "2" },
    { path: "net/ipv4/ip_local_port_range", value: "40000 50000" },
  ];
  writeSysctls(netns.path, values);
  expect(values.map(({ path }) => shown(netns, path))).toEqual(["1", "2", "40000\t50000"]);
  const paths = values.map(({ path }) => path);
  expect(readSysctls(netns.path, paths)).toEqual(["1", "2", "40000\t50000"]);
});

test("a setting that the kernel does not have reads as undefined, and setting it names it", () => {
  using netns = stage();
  const absent = "net/ipv4/conf/nowhere/forwarding";
  expect(readSysctls(netns.path, [absent, forward])).toEqual([undefined, "0"]);
  expect(refused(() => writeSysctl(netns.path, absent, "1")).message).toBe(
    `Cannot set sysctl "${absent}" to "1": this kernel has no such setting here`,
  );
});

test("a value that the kernel refuses is told with the sysctl and the value", () => {
  using netns = stage();
  const error = refused(() => writeSysctl(netns.path, forward, "yes"));
  expect(error.message).toContain(`Cannot set sysctl "${forward}" to "yes"`);
  expect(error.code).toBe("EINVAL");
  expect(shown(netns, forward)).toBe("0");
});

test("no path leads out of /proc/sys, and nothing is written before all are checked", () => {
  using netns = stage();
  const good = { path: forward, value: "1" };
  for (const path of ["", "/", "../etc/passwd", "net/../../uptime", "/net/x", "net//x", "a\0b"]) {
    expect(refused(() => readSysctl(netns.path, path)).message).toContain("is no path below");
    expect(refused(() => writeSysctls(netns.path, [good, { path, value: "1" }])).path).toBe(path);
  }
  expect(shown(netns, forward)).toBe("0");
});

test("no descriptor stays open, whether it went well or not", () => {
  using netns = stage();
  const good = { path: forward, value: "1" };
  for (let round = 0; round < 20; round++) {
    readSysctls(netns.path, [forward, "net/nowhere"]);
    refused(() => writeSysctls(netns.path, [good, { path: forward, value: "no" }, good]));
  }
  const open = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "closed meanwhile";
    }
  });
  expect(open.filter((target) => target.startsWith("/proc/sys/"))).toEqual([]);
});

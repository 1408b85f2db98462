/** Tests `lo` of a namespace against `ip`. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { lowerLoopback, raiseLoopback, readLoopback } from "./loopback.ts";

const name = `nllo-${process.pid}`;
const path = `/var/run/netns/${name}`;
const ip = (...words: string[]) => Bun.spawnSync(["ip", "-n", name, ...words]).stdout.toString();

beforeEach(() => void Bun.spawnSync(["ip", "netns", "add", name]));
afterEach(() => void Bun.spawnSync(["ip", "netns", "del", name]));

test("lo goes up and gets the loopback addresses, and goes down", () => {
  expect(readLoopback(path)).toEqual({ up: false, addresses: [] });
  expect(raiseLoopback(path)).toEqual({ up: true, addresses: ["127.0.0.1/8", "::1/128"] });
  expect(ip("-br", "link", "show", "lo")).toContain("LOOPBACK,UP");
  lowerLoopback(path);
  expect(readLoopback(path).up).toBe(false);
  expect(ip("-br", "link", "show", "lo")).not.toContain("LOOPBACK,UP");
});

test("lo that is up already stays so, and its other addresses are not told of", () => {
  ip("addr", "add", "10.9.9.9/32", "dev", "lo");
  raiseLoopback(path);
  expect(raiseLoopback(path).addresses).toEqual(["127.0.0.1/8", "::1/128"]);
});

test("lo without IPv6 has one address", () => {
  const disable = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6";
  Bun.spawnSync(["ip", "netns", "exec", name, "sh", "-c", disable]);
  expect(raiseLoopback(path).addresses).toEqual(["127.0.0.1/8"]);
});

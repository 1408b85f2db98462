/** Tracked UDP connections to a published port are noticed, others are not taken for them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createNetns, inNetns, removeNetns } from "../kernel/netns/netns.ts";
import { isNoneTracked } from "./effects.ts";

const netns = `/run/netns/nleffects-${process.pid}`;

/** Runs a program in the namespace. */
function run(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["nsenter", `--net=${netns}`, ...command]);
  if (exitCode !== 0) throw new Error(`"${command.join(" ")}": ${stderr}`);
  return stdout.toString();
}

function track(protocol: string, destination: string, port: number): void {
  const source = destination.includes(":") ? "2001:db8::9" : "192.0.2.9";
  const ports = ["--orig-port-src", "999", "--orig-port-dst", String(port)];
  const reply = ["--reply-port-src", String(port), "--reply-port-dst", "999"];
  const state = protocol === "tcp" ? ["--state", "LISTEN"] : [];
  const replied = ["--reply-src", destination, "--reply-dst", source];
  const tuple = ["-p", protocol, "-s", source, "-d", destination, ...replied, ...ports, ...reply];
  run("conntrack", "-I", ...tuple, ...state, "--timeout", "60");
}

const isNoneTrackedThere = (...ports: number[]) =>
  inNetns(netns, () => isNoneTracked(new Set(ports)));

beforeAll(() => createNetns(netns));
afterAll(() => removeNetns(netns));

test("in an empty table there is none", () => {
  expect(isNoneTrackedThere(5353)).toBe(true);
});

test("a UDP connection to the port is one, of either family", () => {
  track("udp", "192.0.2.1", 5353);
  track("udp", "2001:db8::1", 5354);
  expect(isNoneTrackedThere(5353)).toBe(false);
  expect(isNoneTrackedThere(80, 5354)).toBe(false);
});

test("TCP to the port, UDP to others and from the port, are none", () => {
  track("tcp", "192.0.2.1", 8080);
  expect(isNoneTrackedThere(8080)).toBe(true);
  expect(isNoneTrackedThere(535, 53, 999)).toBe(true);
});

test("of a table too long to be read nothing is promised", () => {
  for (let port = 1; port < 300; port++) track("udp", "192.0.2.2", 20_000 + port);
  expect(isNoneTrackedThere(8080)).toBe(false);
}, 30_000);

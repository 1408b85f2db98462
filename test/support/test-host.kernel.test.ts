/** The test host itself: it carries packets, runs plugins, and goes without a trace. */
import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { callPlugin } from "./cni-call.ts";
import { referenceDir } from "./reference.ts";
import { run } from "./run.ts";
import { readFilters, readNetns, readTree } from "./snapshot.ts";
import { lan, TestHost } from "./test-host.ts";
import { probe, serve } from "./traffic.ts";

let host: TestHost | undefined;
afterEach(() => host?.remove());

test("a host reaches its outside and the internet, by ping, TCP and UDP, in both families", async () => {
  host = await TestHost.create();
  await serve(host, host.outside, [8080]);
  const targets = [lan.outside4, lan.outside6, lan.internet4, lan.internet6];
  const probes = targets.flatMap((address) => [
    { kind: "ping" as const, address },
    { kind: "tcp" as const, address, port: 8080 },
    { kind: "udp" as const, address, port: 8080 },
  ]);
  const seen = (own: string) => ["reached", own, own];
  const [v4, v6] = [seen(lan.host4), seen(lan.host6)];
  expect(await probe(host.netns, probes)).toEqual([...v4, ...v6, ...v4, ...v6]);
});

test("a probe of what does not answer gives null", async () => {
  host = await TestHost.create();
  const probes = [
    { kind: "tcp", address: lan.outside4, port: 8080 },
    { kind: "udp", address: lan.outside6, port: 8080 },
    { kind: "ping", address: "198.51.100.77" },
  ] as const;
  expect(await probe(host.netns, probes)).toEqual([null, null, null]);
});

test("a plugin runs in the host's namespace and its traces are seen there", async () => {
  host = await TestHost.create();
  const container = await host.addContainer();
  const answer = await callPlugin({
    host,
    plugins: referenceDir("1.9.1"),
    command: "ADD",
    type: "bridge",
    containerId: "one",
    container,
    config: {
      cniVersion: "1.0.0",
      name: "net",
      type: "bridge",
      bridge: "br7",
      isGateway: true,
      ipMasq: true,
      ipam: { type: "host-local", subnet: "10.5.0.0/24", dataDir: `${host.dir}/data` },
    },
  });
  expect(answer.json.ips).toEqual([{ address: "10.5.0.2/24", gateway: "10.5.0.1", interface: 2 }]);
  const state = await readNetns(host.netns);
  expect(state.links.map((link) => link.ifname)).toContain("br7");
  expect(state.bridgePorts.map((port) => port.master)).toEqual(["br7"]);
  expect(state.sysctls["net/ipv4/ip_forward"]).toBe("1");
  expect(await readFilters(host.netns)).toContain("-j MASQUERADE");
  expect(readTree(`${host.dir}/data`)["net/10.5.0.2"]).toBe("one\r\neth0");
});

test("removing a host removes its namespaces, its servers and its directory", async () => {
  const gone = await TestHost.create();
  await gone.addContainer();
  await serve(gone, gone.outside, [8080]);
  await gone.remove();
  expect(existsSync(gone.dir)).toBe(false);
  const left = (await run(["ip", "netns", "list"])).stdout;
  for (const name of [gone.netns, gone.outside, ...gone.containers]) {
    expect(left).not.toContain(name);
  }
});

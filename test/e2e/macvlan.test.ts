/** Podman puts containers on the LAN by macvlan, with a shim to their own host. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { client, PrivateHost, uplink } from "../host/private-host.ts";
import { beyond, difference, mayStay, snapshot } from "../host/snapshot.ts";
import { ourDir } from "../support/reference.ts";
import { Podman } from "./podman.ts";
import { network } from "./runtime.ts";

const runtime = new Podman();
const names = ["a", "b"];
let host: PrivateHost;
let before: string[];
const addresses: Record<string, string[]> = {};

beforeAll(async () => {
  host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  await runtime.start(host, "macvlan");
  before = await snapshot(host);
  for (const name of names) {
    await runtime.run(name, []);
    const text = await runtime.exec(name, ["ip", "address", "show", "eth0"]);
    addresses[name] = [...text.matchAll(/inet6? ((?:198|2001)[^/]+)\//g)].map(
      ([, found]) => found!,
    );
  }
}, 120_000);

afterAll(async () => {
  await host?.close();
  await runtime.stop();
}, 60_000);

const isAnswered = "1 packets received";
const pingFrom = (name: string, address: string) =>
  runtime.exec(name, ["ping", "-c", "1", "-W", "3", address]);

test("containers have addresses of the LAN, of both families", () => {
  for (const name of names) {
    expect(addresses[name]?.map((one) => one.replace(/[^.:]+$/, ""))).toEqual([
      "198.51.100.",
      "2001:db8:1::",
    ]);
  }
});

test("they reach each other, the LAN, and by the shim their own host", async () => {
  const others = [...addresses.b!, client.ipv4, client.ipv6, uplink.ipv4, uplink.ipv6];
  for (const address of others) expect(await pingFrom("a", address)).toContain(isAnswered);
});

test("the LAN and their own host reach them", async () => {
  for (const address of addresses.a!) {
    const ping = ["ping", "-c", "1", "-W", "3", address];
    await host.run(ping);
    await host.run(["nsenter", `--net=/run/netns/${client.netns}`, ...ping]);
  }
});

test("after removal the host is as before, without the shim", async () => {
  for (const name of names) await runtime.remove(name);
  const left = difference(before, await snapshot(host));
  const allowed = mayStay({ name: network.name, bridge: "none" });
  expect(beyond(allowed, left)).toEqual({ added: [], removed: [] });
}, 60_000);

/** The engine in a process that stays: it neither waits for the kernel nor gathers anything. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { bridge } from "../drivers/bridge.ts";
import { examAddresses } from "../drivers/conformance.ts";
import { ptp } from "../drivers/ptp.ts";
import type { AttachRequest } from "./attach.ts";
import type { DetachRequest } from "./detach.ts";
import { type Box, EngineFixture, kernelState } from "./engine-fixture.ts";
import { instancePaths } from "./paths.ts";
import { ResidentEngine } from "./resident.ts";

function residentOn(fixture: EngineFixture): ResidentEngine {
  const { host, paths } = fixture;
  return new ResidentEngine({ paths: instancePaths("blue1", paths), host: host.path });
}

const who = ({ id, netns }: Box) => ({ ...id, network: "blue", netns: netns.path });

function bridged(box: Box, n: number): AttachRequest {
  const { ips, gateways } = examAddresses(n);
  const allocation = {
    ips: ips.map((address, i) => ({ address, gateway: gateways?.[i] })),
    routes: [],
  };
  const config = bridge.parse({ isDefaultGateway: true, ipMasq: true });
  return { ...who(box), maker: "bridge", driver: bridge as never, config, allocation };
}

const gone = (box: Box, maker = "bridge"): DetachRequest => ({ ...who(box), maker });
const links = (fixture: EngineFixture) =>
  fixture.host.json("ip", "-j", "link", "show").map(({ ifname }) => ifname);

test("attachments that come and go at once are whole, and leave nothing", async () => {
  using fixture = new EngineFixture("resident");
  await using engine = residentOn(fixture);
  const boxes = Array.from({ length: 6 }, () => fixture.box());
  for (let round = 0; round < 2; round++) {
    await Promise.all(boxes.map((box, i) => engine.attach(bridged(box, i + 1))));
    expect(engine.records()).toHaveLength(6);
    for (const { netns } of boxes) netns.run("ping", "-q", "-c1", "-W1", "10.88.0.1");
    await Promise.all(boxes.map((box) => engine.detach(gone(box))));
    expect(links(fixture)).toEqual(["lo", "cni0"]);
    expect(engine.records()).toEqual([]);
  }
  expect(await engine.clean(new Set())).toContain("bridge cni0");
  expect(kernelState(fixture.host).nft).toBe("");
});

test("detaching many at once takes less time than one after the other", async () => {
  using fixture = new EngineFixture("resident");
  await using engine = residentOn(fixture);
  const boxes = Array.from({ length: 8 }, () => fixture.box());
  const attachAll = () => Promise.all(boxes.map((box, i) => engine.attach(bridged(box, i + 1))));
  const timed = async (work: () => Promise<unknown>) => {
    const begin = performance.now();
    await work();
    return performance.now() - begin;
  };
  await attachAll();
  const single = await timed(async () => {
    for (const box of boxes) {
      await engine.detach(gone(box));
      await engine[Symbol.asyncDispose]();
    }
  });
  await attachAll();
  const together = await timed(async () => {
    await Promise.all(boxes.map((box) => engine.detach(gone(box))));
    await engine[Symbol.asyncDispose]();
  });
  expect(together).toBeLessThan(single);
});

test("a link's name and address are free as soon as detach returns", async () => {
  using fixture = new EngineFixture("resident");
  await using engine = residentOn(fixture);
  const box = fixture.box();
  for (let round = 0; round < 5; round++) {
    await engine.attach(bridged(box, 1));
    box.netns.run("ping", "-q", "-c1", "-W1", "10.88.0.1");
    await engine.detach(gone(box));
    expect(box.netns.json("ip", "-j", "link", "show")).toHaveLength(1);
  }
});

test("200 attachments one after the other leave no descriptor, thread or link open", async () => {
  using fixture = new EngineFixture("leak");
  await using engine = residentOn(fixture);
  const box = fixture.box();
  const config = ptp.parse({});
  const ips = [{ address: "10.99.0.2/24", gateway: "10.99.0.1" }];
  const allocation = { ips, routes: [] };
  const wish = { ...who(box), maker: "ptp", driver: ptp as never, config, allocation };
  const cycle = async () => {
    await engine.attach(wish);
    await engine.detach(gone(box, "ptp"));
  };
  const open = () => readdirSync("/proc/self/fd").length;
  const threads = () => readdirSync("/proc/self/task").length;
  for (let i = 0; i < 10; i++) await cycle();
  await engine[Symbol.asyncDispose]();
  const before = { fds: open(), threads: threads() };
  for (let i = 0; i < 200; i++) await cycle();
  await engine[Symbol.asyncDispose]();
  // Threads of the C library come and go as there is work for them.
  expect(open()).toBeLessThanOrEqual(before.fds);
  expect(threads()).toBeLessThanOrEqual(before.threads + 2);
  expect(links(fixture)).toEqual(["lo"]);
}, 120_000);

test("names that no instance may have are refused", () => {
  const directories = { stateDir: "/nowhere", runDir: "/nowhere" };
  for (const instance of ["cni", "", "Blue", "a_b", "../x", "123456789"]) {
    expect(() => instancePaths(instance, directories)).toThrow("Cannot call an instance");
  }
});

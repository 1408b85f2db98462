/** A node peers with real routers of a rack: routes both ways, filters, passwords, kills. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { block, container, inputWith, Stage, until } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.create();
});
afterEach(() => stage.remove());

const told = ["10.1.0.0/26", "2001:db8:1::/64"];
const external = ["192.0.2.0/24", "2001:db8:200::/64", "203.0.113.0/24"];
const same = (a: readonly string[], b: readonly string[]) => a.join() === b.join();

test("BIRD and a node tell each other routes, and an outside host reaches an address", async () => {
  await stage.bird();
  await stage.speak(inputWith());
  await stage.established();
  await until(async () => same(await stage.birdRoutes(), told), "routes at the rack");
  await until(async () => same(await stage.learnt(), external), "routes in the kernel");
  expect(await stage.pinging(container.ipv4, 1, async () => {})).toBe(0);
  expect(await stage.pinging(container.ipv6, 1, async () => {})).toBe(0);
});

test("a filter changes what is told and believed, and no session breaks", async () => {
  await stage.bird();
  const announced = [block.ipv4, block.ipv6, "10.1.9.9/32", "192.168.7.0/24"];
  await stage.speak(inputWith({}, { announced }));
  await stage.established();
  const all = ["10.1.0.0/26", "10.1.9.9/32", "2001:db8:1::/64"];
  await until(async () => same((await stage.birdRoutes()).sort(), all), "all but the foreign one");
  expect(stage.status!.faults).toEqual([
    {
      owner: "bgpconfiguration",
      message: "192.168.7.0/24 is outside the cluster's prefixes and is not announced",
    },
  ]);
  await until(async () => same(await stage.learnt(), external), "routes in the kernel");
  const session = () => Bun.$`birdc -s ${stage.dir}/bird.ctl show protocols node`.text();
  const before = await session();
  expect(before).toContain("Established");
  const filter = { export: [{ cidr: "10.1.9.0/24" }], import: [{ cidr: "203.0.113.0/24" }] };
  stage.configure(inputWith(filter, { announced }));
  await until(async () => same(await stage.birdRoutes(), ["10.1.9.9/32"]), "the single address");
  await until(async () => same(await stage.learnt(), ["203.0.113.0/24"]), "the imported one");
  stage.configure(inputWith({}, { announced }));
  await until(async () => same((await stage.birdRoutes()).sort(), all), "all again");
  await until(async () => same(await stage.learnt(), external), "routes in the kernel again");
  // It tells since when the session is up.
  expect(await session()).toBe(before);
});

test("gobgpd is killed with traffic under way: no packet is lost", async () => {
  await stage.bird();
  await stage.speak(inputWith());
  await stage.established();
  await until(async () => same(await stage.birdRoutes(), told), "routes at the rack");
  await until(async () => same(await stage.learnt(), external), "routes in the kernel");
  const first = await stage.daemonPid();
  const restart = async () => {
    process.kill(first, "SIGKILL");
    await until(async () => (await stage.daemonPid().catch(() => first)) !== first, "a new daemon");
    await stage.established();
    await Bun.sleep(5000);
    expect(await stage.birdRoutes()).toEqual(told);
    expect(await stage.learnt()).toEqual(external);
  };
  const [fourth, sixth] = await Promise.all([
    stage.pinging(container.ipv4, 10, restart),
    stage.pinging(container.ipv6, 10, async () => {}),
  ]);
  expect([fourth, sixth]).toEqual([0, 0]);
});

test("the speaker is killed: its successor finds the daemon, and sessions stay", async () => {
  await stage.bird();
  await stage.speak(inputWith());
  await stage.established();
  await until(async () => same(await stage.learnt(), external), "routes in the kernel");
  const first = await stage.daemonPid();
  const lost = await stage.pinging(container.ipv4, 5, async () => {
    await stage.killSpeaker();
    expect(await stage.learnt()).toEqual(external);
    await stage.speak(inputWith());
    await until(async () => stage.status !== undefined, "a status");
    await stage.established();
  });
  expect(lost).toBe(0);
  expect(await stage.daemonPid()).toBe(first);
  // Past the sweep of what nobody confirmed.
  await Bun.sleep(5000);
  expect(await stage.learnt()).toEqual(external);
});

test("what the rack withdraws goes from the kernel, and what a hand took comes back", async () => {
  await stage.bird();
  await stage.speak(inputWith());
  await until(async () => same(await stage.learnt(), external), "routes in the kernel");
  await Bun.$`ip -n ${stage.node} route del 203.0.113.0/24 proto 108`;
  await until(async () => same(await stage.learnt(), external), "the route again");
  await Bun.$`birdc -s ${stage.dir}/bird.ctl disable static1`.quiet();
  const fewer = external.filter((each) => each !== "192.0.2.0/24");
  await until(async () => same(await stage.learnt(), fewer), "fewer routes");
});

test("FRR learns both families and is learnt from", async () => {
  await stage.frr();
  await stage.speak(inputWith());
  await stage.established();
  const fewer = external.filter((each) => each !== "192.0.2.0/24");
  await until(async () => same(await stage.learnt(), fewer), "routes in the kernel");
  const reached = async (address: string) =>
    (await stage.pinging(address, 1, async () => {}).catch(() => 1)) === 0;
  await until(() => reached(container.ipv4), "the outside host to reach the address");
  await until(() => reached(container.ipv6), "the outside host to reach the IPv6 address");
});

test("a wrong password is told of, and a right one mends it", async () => {
  await stage.bird({ password: "right" });
  await stage.speak(inputWith({ password: "wrong" }));
  await until(
    async () => stage.status?.sessions[0]?.reason === "WrongPassword",
    () => JSON.stringify(stage.status),
  );
  expect(stage.status!.sessions[0]!.message).toContain("set the same password (TCP MD5)");
  stage.configure(inputWith({ password: "right" }));
  await stage.established();
});

test("a missing program is told of with what to install", async () => {
  await stage.speak(inputWith(), "/nonexistent/gobgpd");
  await until(async () => stage.status?.error !== undefined, "an error");
  expect(stage.status!.error).toContain("apt-get install gobgpd");
});

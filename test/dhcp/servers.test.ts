/** Servers that are lost, refuse, disagree, have nothing left, or give what another host has. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { type Beside, DhcpStage, macvlan, prefix, until } from "./stage.ts";

let stage: DhcpStage;
beforeEach(async () => {
  stage = await DhcpStage.create();
}, 60_000);
afterEach(() => stage?.host.remove());

const pool = [`${prefix}.50`, `${prefix}.51`, `${prefix}.52`];
const routers = { 3: Buffer.from([10, 66, 0, 1]).toString("hex") };

const types = (server: Beside, from?: string) =>
  server.events
    .filter((each) => each.type && (!from || each.from === from))
    .map(({ type }) => type);

async function oneServer(more: object = {}): Promise<Beside> {
  const netns = await stage.addOther(`${prefix}.1/24`);
  const usual = { server: `${prefix}.1`, pool, options: routers };
  return stage.server(netns, { ...usual, ...more });
}

async function added(config = macvlan()): Promise<{ container: string; ip: string; json: any }> {
  const container = await stage.host.addContainer();
  const { json, stdout } = await stage.call("ADD", container, config);
  if (!json?.ips) throw new Error(stdout);
  return { container, ip: json.ips[0].address.split("/")[0], json };
}

test("a lease of seconds is renewed by unicast, in time, each time", async () => {
  const server = await oneServer({ lease: 6, t1: 1, t2: 4 });
  const { container, ip } = await added();
  await until("three renewals", () => types(server, ip).length >= 3);
  for (const each of server.events.filter(({ from }) => from === ip)) {
    expect(each).toMatchObject({ type: "REQUEST", ciaddr: ip });
    expect(each.options[50] ?? each.options[54]).toBeUndefined();
  }
  expect(await stage.addresses(container)).toEqual([`${ip}/24`]);
  await stage.call("DEL", container, macvlan());
  await until("the release", () => types(server, ip).at(-1) === "RELEASE");
}, 60_000);

test("a server that is lost and returns in time finds the same lease", async () => {
  const server = await oneServer({ lease: 20, t1: 1, t2: 3 });
  const { container, ip } = await added();
  server.say("silent");
  await until("a rebinding", () =>
    server.events.some(({ from, ciaddr }) => from === "0.0.0.0" && ciaddr === ip),
  );
  server.say("talk");
  await until("a renewal after it", () => server.events.at(-1)?.from === ip);
  expect(await stage.addresses(container)).toEqual([`${ip}/24`]);
  expect(stage.log.map(({ event }) => event)).not.toContain("lease lost");
}, 60_000);

test("a lease that ran out is taken off the link, and comes back with its server", async () => {
  const server = await oneServer({ lease: 5, t1: 1, t2: 2 });
  const { container, ip } = await added();
  server.say("silent");
  await until("its end", () => stage.log.some(({ event }) => event === "lease lost"));
  expect(await stage.addresses(container)).toEqual([]);
  server.say("talk");
  await until("its return", async () => (await stage.addresses(container)).length > 0);
  expect(await stage.addresses(container)).toEqual([`${ip}/24`]);
  expect(await stage.host.shell("ip route", container)).toContain(`default via ${prefix}.1`);
}, 60_000);

test("a refusal takes the address off at once, and the next lease puts its own on", async () => {
  const server = await oneServer({ lease: 600, t1: 2, t2: 500 });
  const { container, ip } = await added();
  server.say("nak");
  await until("the refusal", () => stage.log.some(({ event }) => event === "lease lost"));
  expect(stage.log.find(({ event }) => event === "lease lost").error).toContain("not today");
  expect(await stage.addresses(container)).not.toContain(`${ip}/24`);
  server.say("talk");
  await until("the next lease", async () => (await stage.addresses(container)).length > 0);
}, 60_000);

test("of two servers one is taken, and the other hears so", async () => {
  const one = await oneServer();
  const netns = await stage.addOther(`${prefix}.2/24`);
  const two = await stage.server(netns, { server: `${prefix}.2`, pool: [`${prefix}.60`] });
  const { ip } = await added();
  await until("both to hear", () => types(one).length >= 2 && types(two).length >= 2);
  const chosen = one.events.find(({ type }) => type === "REQUEST").options[54];
  expect(two.events.find(({ type }) => type === "REQUEST").options[54]).toBe(chosen);
  expect(chosen).toBe(ip === `${prefix}.60` ? "0a420002" : "0a420001");
}, 60_000);

test("an address that another host answers for is declined, and another one taken", async () => {
  const server = await oneServer();
  await stage.addOther(`${prefix}.50/24`);
  const { container, ip } = await added();
  expect(ip).toBe(`${prefix}.51`);
  expect(types(server)).toContain("DECLINE");
  const decline = server.events.find(({ type }) => type === "DECLINE");
  expect(decline.options[50]).toBe("0a420032");
  expect(await stage.addresses(container)).toEqual([`${prefix}.51/24`]);
}, 60_000);

test("without looking for conflicts the address is taken as it is", async () => {
  await oneServer();
  await stage.addOther(`${prefix}.50/24`);
  const { ip } = await added(macvlan({ conflictDetection: "off" }));
  expect(ip).toBe(`${prefix}.50`);
}, 60_000);

test("with no address left ADD fails with the reason and leaves nothing; one that is freed is given", async () => {
  const server = await oneServer({ pool: [`${prefix}.50`] });
  await stage.daemon("--resendtimeout", "2s");
  const { container } = await added();
  const second = await stage.host.addContainer();
  const refused = await stage.call("ADD", second, macvlan());
  expect(refused.json).toMatchObject({ code: 11 });
  expect(refused.json.msg).toContain("within 2 s: no server answered");
  expect(await stage.host.shell("ip -o link", second)).not.toContain("eth0");
  expect(await stage.leases()).toHaveLength(1);
  await stage.call("DEL", container, macvlan());
  await until("the release", () => types(server).includes("RELEASE"));
  expect((await stage.call("ADD", second, macvlan())).ok).toBe(true);
}, 60_000);

test("DEL of a container whose ADD waits for a server ends that ADD, and nothing is left", async () => {
  const server = await oneServer({ mode: "silent" });
  const waiting = await stage.host.addContainer();
  for (const config of [macvlan(), macvlan({ ipv6: true })]) {
    const heard = server.events.length;
    const add = stage.call("ADD", waiting, config);
    await until("a question", () => server.events.length > heard);
    const del = await stage.call("DEL", waiting, config);
    expect(del).toMatchObject({ ok: true, stdout: "" });
    expect((await add).json).toMatchObject({ code: 11 });
    expect(await stage.host.shell("ip -o link", waiting)).not.toContain("eth0");
    expect(await stage.leases()).toEqual([]);
  }
  server.say("talk");
  expect((await stage.call("ADD", waiting, macvlan())).ok).toBe(true);
}, 60_000);

test("a server that refuses what it offered is told of in the error", async () => {
  await oneServer({ mode: "nak" });
  await stage.daemon("-resendtimeout=3s");
  const container = await stage.host.addContainer();
  const { json } = await stage.call("ADD", container, macvlan());
  expect(json.msg).toContain(`server ${prefix}.1 refused: "not today"`);
}, 60_000);

test("CHECK asks the server to confirm a lease that no daemon knows, and notices another address", async () => {
  const server = await oneServer();
  const { container, json } = await added();
  stage.killDaemon();
  await stage.host.shell(`rm -r ${stage.host.dir}/state/dhcp`);
  const before = server.events.length;
  const check = await stage.call("CHECK", container, { ...macvlan(), prevResult: json });
  expect(check.stdout).toBe("");
  const asked = server.events.slice(before);
  expect(asked.map(({ type }) => type)).toEqual(["REQUEST"]);
  expect(asked[0].options[50]).toBe("0a420032");
  expect(await stage.leases()).toHaveLength(1);

  const other = { ...json, ips: [{ ...json.ips[0], address: `${prefix}.77/24` }] };
  const wrong = await stage.call("CHECK", container, { ...macvlan(), prevResult: other });
  expect(wrong.json.code).toBe(103);
  expect(wrong.json.msg).toContain(`a lease of ${prefix}.50/24`);
}, 60_000);

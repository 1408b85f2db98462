/** Leases of IPv6 in containers, by real servers: got, renewed, lost, found and given back. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Beside, DhcpStage, macvlan, prefix, until } from "./stage.ts";

const network = "2001:db8:66";
const both = macvlan({ ipv6: true });
const sixth = macvlan({ ipv4: false, ipv6: true });

/** Addresses of the family on a container's link, those of the link itself left out. */
async function addressesOf(stage: DhcpStage, container: string): Promise<string[]> {
  const text = await stage.host.shell("ip -j -6 addr show dev eth0 scope global", container);
  const [found] = JSON.parse(text);
  const infos: any[] = (found?.addr_info ?? []).filter((each: any) => each.scope === "global");
  return infos.map((each) => `${each.local}/${each.prefixlen}`);
}

/** A host on the LAN with an address of IPv6, which is sure of its link-local one. */
async function addServerHost(stage: DhcpStage, address = `${network}::1/64`): Promise<string> {
  const netns = await stage.addOther(`${address} nodad`);
  await until("a link-local address", async () => {
    const text = await stage.host.shell("ip -6 addr show dev eth0 scope link", netns);
    return text.includes("fe80:") && !text.includes("tentative");
  });
  return netns;
}

async function linkLocalOf(stage: DhcpStage, netns: string): Promise<string> {
  const text = await stage.host.shell("ip -j -6 addr show dev eth0 scope link", netns);
  return JSON.parse(text)[0].addr_info.find((each: any) => each.scope === "link").local;
}

const leaseFiles = (stage: DhcpStage) => {
  const folder = join(stage.host.dir, "state/dhcp");
  return existsSync(folder) ? readdirSync(folder).sort() : [];
};

describe("a real dnsmasq with a router", () => {
  let stage: DhcpStage;
  let server: Beside;
  let serverNetns: string;
  let router: string;

  beforeAll(async () => {
    stage = await DhcpStage.create();
    serverNetns = await addServerHost(stage);
    await stage.host.shell(`ip addr add ${prefix}.1/24 dev eth0`, serverNetns);
    router = await linkLocalOf(stage, serverNetns);
    server = await stage.dnsmasq(
      serverNetns,
      `--dhcp-range=${prefix}.50,${prefix}.200,2m`,
      `--dhcp-range=${network}::100,${network}::1ff,64,2m`,
      "--enable-ra",
      `--dhcp-option=option6:dns-server,[${network}::53]`,
      "--dhcp-option=option6:domain-search,a.example.org",
      `--dhcp-option=option:dns-server,${prefix}.2`,
      "--dhcp-userclass=set:routed,routed",
    );
  }, 60_000);
  afterAll(() => stage?.host.remove());

  test("one ADD gives both families whole, CHECK finds them, DEL gives both back", async () => {
    const container = await stage.host.addContainer();
    const add = await stage.call("ADD", container, both);
    expect(add.stdout).toContain(network);
    const [fourth, ip] = add.json.ips;
    expect(fourth.address).toStartWith(`${prefix}.`);
    expect(ip).toEqual({
      address: expect.stringMatching(/^2001:db8:66::1[0-9a-f]{2}\/64$/),
      gateway: router,
      interface: 0,
    });
    expect(add.json.routes).toEqual([
      { dst: "0.0.0.0/0", gw: `${prefix}.1` },
      { dst: "::/0", gw: router },
    ]);
    expect(add.json.dns).toEqual({
      nameservers: [`${prefix}.2`, `${network}::53`],
      search: ["a.example.org"],
    });
    const [address] = await addressesOf(stage, container);
    expect(add.stdout).toContain(`"${address}"`);
    const routes = await stage.host.shell("ip -6 route show default", container);
    expect(routes).toStartWith(`default via ${router} dev eth0`);
    await stage.host.shell(`ping -6 -c1 -W5 ${network}::1`, container);
    expect(leaseFiles(stage)).toHaveLength(2);
    const check = await stage.call("CHECK", container, { ...both, prevResult: add.json });
    expect(check.stdout).toBe("");
    const del = await stage.call("DEL", container, { ...both, prevResult: add.json });
    expect(del.stdout).toBe("");
    expect(server.text).toContain("release received");
    expect([leaseFiles(stage), await stage.leases()]).toEqual([[], []]);
  }, 60_000);

  test("IPv6 alone, in a namespace made without it; a DEL without a daemon begins one", async () => {
    const container = await stage.host.addContainer();
    await stage.host.shell("sysctl -qw net.ipv6.conf.default.disable_ipv6=1", container);
    const { json, stdout } = await stage.call("ADD", container, sixth);
    expect(stdout).toContain(network);
    expect(json.ips).toHaveLength(1);
    expect(await stage.host.shell("ip -4 addr show dev eth0", container)).toBe("");
    expect(leaseFiles(stage)).toHaveLength(1);
    stage.killDaemon();
    const before = server.text.split("release received").length;
    expect((await stage.call("DEL", container, sixth)).ok).toBe(true);
    expect(server.text.split("release received").length).toBe(before + 1);
    expect(leaseFiles(stage)).toEqual([]);
  }, 60_000);

  test("a container that listens to routers itself is left its own routes", async () => {
    const container = await stage.host.addContainer();
    const config = { ...sixth, acceptRa: true };
    const { json, stdout } = await stage.call("ADD", container, config);
    expect(stdout).toContain(network);
    expect([json.routes ?? [], json.ips[0].gateway]).toEqual([[], undefined]);
    await until("the router's route", async () =>
      (await stage.host.shell("ip -6 route show default", container)).includes("proto ra"),
    );
    expect((await stage.call("DEL", container, config)).ok).toBe(true);
  }, 60_000);

  test("the server hears the container's name and class", async () => {
    const container = await stage.host.addContainer();
    const provide = [
      { option: "fqdn", fromArg: "K8S_POD_NAME" },
      { option: "user-class", value: "routed" },
    ];
    const config = macvlan({ ipv4: false, ipv6: { provide } });
    const cniArgs = "IgnoreUnknown=1;K8S_POD_NAME=web-0";
    expect((await stage.call("ADD", container, config, { cniArgs })).ok).toBe(true);
    expect(server.text).toContain("client provides name: web-0");
    expect(server.text).toContain("tags: routed, dhcpv6, eth0");
    const lines = await stage.host.shell(`cat ${stage.host.dir}/${serverNetns}.leases`);
    expect(lines).toContain("web-0");
    await stage.call("DEL", container, config);
  }, 60_000);

  test("fifty containers at once get two leases each, all different, and give them back", async () => {
    const names = await Promise.all(Array.from({ length: 50 }, () => stage.host.addContainer()));
    const answers = await Promise.all(names.map((each) => stage.call("ADD", each, both)));
    expect(answers.filter(({ ok }) => !ok).map(({ stdout }) => stdout)).toEqual([]);
    const ips = answers.flatMap(({ json }) => json.ips.map((ip: any) => ip.address));
    expect(new Set(ips).size).toBe(100);
    const gateways = answers.map(({ json }) => json.ips[1].gateway);
    expect(new Set(gateways)).toEqual(new Set([router]));
    expect(leaseFiles(stage)).toHaveLength(100);
    const gone = await Promise.all(names.map((each) => stage.call("DEL", each, both)));
    expect(gone.every(({ ok }) => ok)).toBe(true);
    expect(leaseFiles(stage)).toEqual([]);
    const lines = await stage.host.shell(`cat ${stage.host.dir}/${serverNetns}.leases`);
    expect(lines).not.toContain(`${network}::1`);
  }, 180_000);
});

describe("a server with leases of seconds", () => {
  let stage: DhcpStage;
  let serverNetns: string;
  beforeEach(async () => {
    stage = await DhcpStage.create();
    serverNetns = await addServerHost(stage);
  }, 60_000);
  afterEach(() => stage?.host.remove());

  const pool = [`${network}::10`, `${network}::11`];

  async function serve(told: object = {}): Promise<Beside> {
    const text = JSON.stringify({
      link: "eth0",
      pool,
      t1: 1,
      t2: 3,
      valid: 5,
      preferred: 5,
      ...told,
    });
    const server = stage.run(["python3", join(import.meta.dir, "server6.py"), text], serverNetns);
    await until("the server", () => server.events.length > 0);
    return server;
  }

  async function added(): Promise<string> {
    const container = await stage.host.addContainer();
    const { ok, stdout } = await stage.call("ADD", container, sixth);
    if (!ok) throw new Error(stdout);
    return container;
  }

  const count = (server: Beside, type: string) =>
    server.events.filter((event) => event.type === type).length;

  test("it is renewed in time, also by a daemon that begins after one was killed", async () => {
    const server = await serve({ t1: 2, t2: 30, valid: 40, preferred: 40 });
    const container = await added();
    const [address] = await addressesOf(stage, container);
    expect(address).toBe(`${network}::10/128`);
    await until("a renewal", () => count(server, "RENEW") >= 2);
    expect(server.events.every((event) => !event.from || event.from.startsWith("fe80:"))).toBe(
      true,
    );
    for (let i = 0; i < 2; i++) {
      const before = count(server, "RENEW");
      stage.killDaemon();
      await stage.daemon();
      expect((await stage.leases())[0].lease.ips[0].address).toBe(address);
      await until("a renewal", () => count(server, "RENEW") > before);
    }
    expect(await addressesOf(stage, container)).toEqual([address!]);
    expect(count(server, "SOLICIT")).toBe(1);
    await stage.call("DEL", container, sixth);
    expect(server.events.at(-1)).toMatchObject({ type: "RELEASE", asked: [`${network}::10`] });
  }, 60_000);

  test("when its server is away it is rebound, then lost; the address goes, and comes back", async () => {
    const server = await serve();
    const container = await added();
    server.say("silent");
    await until("REBIND", () => count(server, "REBIND") > 0);
    expect(await addressesOf(stage, container)).toEqual([`${network}::10/128`]);
    await until("no address", async () => (await addressesOf(stage, container)).length === 0);
    expect(stage.log.some(({ event, family }) => event === "lease lost" && family === 6)).toBe(
      true,
    );
    server.say("talk");
    await until("the address", async () => (await addressesOf(stage, container)).length === 1);
    expect(await addressesOf(stage, container)).toEqual([`${network}::10/128`]);
  }, 60_000);

  test("a server that has forgotten is asked to make it again; the address stays meanwhile", async () => {
    const server = await serve({ t1: 1, t2: 30, valid: 40, preferred: 40 });
    const container = await added();
    const requests = count(server, "REQUEST");
    server.say("forget");
    await until("REQUEST", () => count(server, "REQUEST") > requests);
    await until("a renewal", () => server.events.at(-1)?.type === "RENEW");
    expect(await addressesOf(stage, container)).toEqual([`${network}::10/128`]);
    expect(stage.log.some(({ event }) => event === "lease lost")).toBe(false);
  }, 60_000);

  test("an address that another host has is declined, and the next one given", async () => {
    const server = await serve();
    await addServerHost(stage, `${network}::10/64`);
    const container = await added();
    expect(await addressesOf(stage, container)).toEqual([`${network}::11/128`]);
    expect(count(server, "DECLINE")).toBe(1);
    const declined = server.events.find(({ type }) => type === "DECLINE");
    expect(declined.asked).toEqual([`${network}::10`]);
  }, 60_000);

  test("a pool that has run dry says so in the error, and nothing of the container stays", async () => {
    await serve({ pool: pool.slice(0, 1), t1: 20, t2: 30, valid: 40, preferred: 40 });
    await stage.daemon("--resendtimeout", "8s");
    await added();
    const container = await stage.host.addContainer();
    const { json } = await stage.call("ADD", container, sixth);
    expect(json.code).toBe(11);
    expect(json.msg).toMatch(/^Cannot get a DHCPv6 lease for "eth0" of .* within 8 s: server /);
    expect(json.msg).toContain("refused: noAddrsAvail");
    expect(await stage.host.shell("ip -o link", container)).not.toContain("eth0");
    expect(leaseFiles(stage)).toHaveLength(1);
  }, 60_000);

  test("where one family has no server neither lease is kept, and the error names the family", async () => {
    const server = await serve({ t1: 20, t2: 30, valid: 40, preferred: 40 });
    await stage.daemon("--resendtimeout", "6s");
    const container = await stage.host.addContainer();
    const { json } = await stage.call("ADD", container, both);
    expect(json.msg).toContain("Cannot get a DHCPv4 lease");
    await until("the release", () => server.events.at(-1)?.type === "RELEASE");
    expect(leaseFiles(stage)).toEqual([]);
  }, 60_000);
});

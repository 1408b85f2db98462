/** Leases of a real dnsmasq: what is asked and told, what reaches the container, and its end. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { root } from "../support/reference.ts";
import { type Beside, DhcpStage, macvlan, netnsPath, prefix, until } from "./stage.ts";

let stage: DhcpStage;
let server: Beside;
let serverNetns: string;

const range = `--dhcp-range=${prefix}.50,${prefix}.99,2m`;

beforeAll(async () => {
  stage = await DhcpStage.create();
  serverNetns = await stage.addOther(`${prefix}.1/24`);
  server = await stage.dnsmasq(
    serverNetns,
    range,
    `--dhcp-option=option:router,${prefix}.1`,
    `--dhcp-option=option:dns-server,${prefix}.2,${prefix}.3`,
    "--dhcp-option=option:domain-name,example.org",
    "--dhcp-option=option:domain-search,a.example.org,b.example.org",
    "--dhcp-option=option:mtu,1400",
    `--dhcp-vendorclass=set:routed,routed`,
    `--dhcp-option=tag:routed,option:classless-static-route,0.0.0.0/0,${prefix}.5,198.51.100.0/24,${prefix}.6`,
  );
}, 60_000);
afterAll(() => stage?.host.remove());

test("ADD gives address, gateway, routes, DNS and MTU; DEL gives the lease back, by unicast", async () => {
  const container = await stage.host.addContainer();
  const add = await stage.call("ADD", container, macvlan());
  expect(add.stdout).toContain("10.66.0.");
  const { ips, routes, dns, interfaces } = add.json;
  const address = ips[0].address as string;
  expect(ips).toEqual([{ address, gateway: `${prefix}.1`, interface: 0 }]);
  expect(routes).toContainEqual({ dst: "0.0.0.0/0", gw: `${prefix}.1` });
  expect(dns).toEqual({
    nameservers: [`${prefix}.2`, `${prefix}.3`],
    domain: "example.org",
    search: ["a.example.org", "b.example.org"],
  });
  expect(interfaces).toMatchObject([{ name: "eth0", mtu: 1400, sandbox: netnsPath(container) }]);
  expect(await stage.addresses(container)).toEqual([address]);
  const link = await stage.host.shell("ip link show eth0; ip route", container);
  expect(link).toContain("mtu 1400");
  expect(link).toContain(`default via ${prefix}.1`);
  await stage.host.shell(`ping -c1 -W5 ${prefix}.1`, container);
  expect(await stage.leases()).toMatchObject([
    { holder: { containerId: container }, lease: { ips: [{ address }] } },
  ]);

  const check = await stage.call("CHECK", container, { ...macvlan(), prevResult: add.json });
  expect(check.stdout).toBe("");
  const del = await stage.call("DEL", container, { ...macvlan(), prevResult: add.json });
  expect(del.stdout).toBe("");
  const [ip] = address.split("/");
  await until("the release", () => server.text.includes(`DHCPRELEASE(eth0) ${ip}`));
  expect(await stage.leases()).toEqual([]);
  expect(await stage.host.shell("ip -o link", container)).not.toContain("eth0");
}, 60_000);

test("classless routes stand for the router's, and need the vendor class that the server looks for", async () => {
  const container = await stage.host.addContainer();
  const config = macvlan({ provide: [{ option: "vendor-class-identifier", value: "routed" }] });
  const { json } = await stage.call("ADD", container, config);
  expect(json.routes).toEqual([
    { dst: "0.0.0.0/0", gw: `${prefix}.5` },
    { dst: "198.51.100.0/24", gw: `${prefix}.6` },
  ]);
  expect(json.ips[0].gateway).toBe(`${prefix}.1`);
  const routes = await stage.host.shell("ip route", container);
  expect(routes).toContain(`default via ${prefix}.5`);
  expect(routes).toContain(`198.51.100.0/24 via ${prefix}.6`);
  await stage.call("DEL", container, config);
}, 60_000);

test("the server hears the client's identifier as the reference makes it, and a hostname of CNI_ARGS", async () => {
  const container = await stage.host.addContainer();
  const config = macvlan({ provide: [{ option: "host-name", fromArg: "K8S_POD_NAME" }] });
  const cniArgs = "IgnoreUnknown=1;K8S_POD_NAME=web-0";
  expect((await stage.call("ADD", container, config, { cniArgs })).ok).toBe(true);
  const id = Buffer.from(`\0${container}/lan/eth0`).toString("hex").match(/../g)!.join(":");
  const lines = await stage.host.shell(`cat ${stage.host.dir}/${serverNetns}.leases`);
  expect(lines).toContain(id);
  expect(lines).toContain("web-0");
  await stage.call("DEL", container, config);
}, 60_000);

test("nothing but what is asked for comes, when defaults are skipped; an MTU of the network's own stays", async () => {
  const container = await stage.host.addContainer();
  const config = macvlan({ request: [{ skipDefault: true, option: "subnet-mask" }] });
  const { json } = await stage.call("ADD", container, config);
  expect(json.routes ?? []).toEqual([]);
  expect(json.dns ?? {}).toEqual({});
  await stage.call("DEL", container, config);
  const own = macvlan({}, { mtu: 1300 });
  const added = await stage.call("ADD", container, own);
  expect(added.json.interfaces[0].mtu).toBe(1300);
  await stage.call("DEL", container, own);
}, 60_000);

test("a container on a bridge that reaches the LAN gets a lease as well", async () => {
  const { host } = stage;
  const container = await host.addContainer();
  await host.shell(
    "ip link add br0 type bridge; ip link set br0 up; ip link set uplink master br0",
  );
  const config = { ...macvlan(), type: "bridge", bridge: "br0", master: undefined };
  const add = await stage.call("ADD", container, config);
  expect(add.json?.ips?.[0]?.address).toStartWith(`${prefix}.`);
  expect(add.json.interfaces.at(-1).mtu).toBe(1400);
  await host.shell(`ping -c1 -W5 ${prefix}.1`, container);
  expect((await stage.call("DEL", container, config)).ok).toBe(true);
  await host.shell("ip link set uplink nomaster; ip link del br0");
}, 60_000);

/** The daemon goes on so many seconds later by its own clock: dnsmasq leases for 2 min at least. */
async function later(seconds: number): Promise<Beside> {
  stage.killDaemon();
  const netloom = join(root, "dist/netloom");
  const shifted = ["unshare", "--time", "--fork", "--boottime", String(seconds), netloom, "dhcp"];
  const daemon = stage.run(shifted, stage.host.netns, stage.env);
  const said = () => `: ${daemon.text}`;
  await until("the daemon", () => daemon.text.includes('"serving"'), { said });
  return daemon;
}

test("a daemon that was killed goes on: it renews by unicast after T1, rebinds by broadcast after T2", async () => {
  const container = await stage.host.addContainer();
  const add = await stage.call("ADD", container, macvlan());
  const [ip] = add.json.ips[0].address.split("/");
  const wire = stage.run(["tcpdump", "-lnni", "eth0", "udp dst port 67"], serverNetns);
  await until("tcpdump", () => wire.text.includes("listening"));
  // A container of an earlier test may have had the address too.
  const all = () => server.text.split(`DHCPACK(eth0) ${ip}`).length - 1;
  const before = all();
  const acks = () => all() - before;
  expect(before).toBeGreaterThan(0);

  await later(20);
  expect((await stage.leases()).map(({ lease }) => lease.ips[0].address)).toEqual([`${ip}/24`]);
  expect(acks()).toBe(0);
  await later(61);
  await until("the renewal", () => acks() === 1);
  await until("it on the wire", () => wire.text.includes(`${ip}.68 > ${prefix}.1.67`));
  expect(wire.text).not.toContain("255.255.255.255");

  await later(61 + 106);
  await until("the rebinding", () => acks() === 2);
  await until("it on the wire", () => wire.text.includes(`> 255.255.255.255.67`));
  expect(server.text.split("DHCPDISCOVER").length).toBe(server.text.split("DHCPOFFER").length);

  await later(61 + 106 + 121);
  await until("the same address anew", () => acks() === 3);
  await until(
    "the address on the link",
    async () => (await stage.addresses(container)).length === 1,
  );
  expect(await stage.addresses(container)).toEqual([`${ip}/24`]);
  expect(await stage.host.shell("ip route", container)).toContain(`default via ${prefix}.1`);
  expect((await stage.call("DEL", container, macvlan())).ok).toBe(true);
  await until("the release", () => server.text.includes(`DHCPRELEASE(eth0) ${ip}`));
  stage.killDaemon();
}, 90_000);

/** Leases of both families on the other kinds of link that reach a network outside. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { needs } from "../support/kernel-features.ts";
import { type Beside, DhcpStage, macvlan, prefix, until } from "./stage.ts";

const network = "2001:db8:66";
let stage: DhcpStage;
let server: Beside;

beforeAll(async () => {
  stage = await DhcpStage.create();
  const netns = await stage.addOther(`${network}::1/64 nodad`);
  await until("a link-local address", async () => {
    const text = await stage.host.shell("ip -6 addr show dev eth0 scope link", netns);
    return text.includes("fe80:") && !text.includes("tentative");
  });
  await stage.host.shell(`ip addr add ${prefix}.1/24 dev eth0`, netns);
  server = await stage.dnsmasq(
    netns,
    `--dhcp-range=${prefix}.50,${prefix}.200,2m`,
    `--dhcp-range=${network}::100,${network}::1ff,64,2m`,
    "--enable-ra",
  );
}, 120_000);
afterAll(() => stage?.host.remove());

/** Two containers get leases of both families, reach the server, and give all back. */
async function examine(config: object): Promise<void> {
  const containers = [await stage.host.addContainer(), await stage.host.addContainer()];
  const answers = [];
  for (const each of containers) answers.push(await stage.call("ADD", each, config as any));
  expect(answers.filter(({ ok }) => !ok).map(({ stdout }) => stdout)).toEqual([]);
  const ips = answers.flatMap(({ json }) => json.ips.map((ip: any) => ip.address));
  expect(new Set(ips).size).toBe(4);
  for (const container of containers) {
    await stage.host.shell(`ping -6 -c1 -W10 ${network}::1`, container);
    await stage.host.shell(`ping -c1 -W10 ${prefix}.1`, container);
    const routes = await stage.host.shell("ip -6 route show default", container);
    expect(routes).toStartWith("default via fe80:");
  }
  const released = () => server.text.split("release received").length;
  const before = released();
  for (const each of containers) {
    const del = await stage.call("DEL", each, config as any);
    expect(del.stdout).toBe("");
  }
  expect(released()).toBe(before + 2);
  expect(await stage.leases()).toEqual([]);
}

test("on a bridge that has the host's own link", async () => {
  await stage.host.shell(
    "ip link add br0 type bridge; ip link set br0 up; ip link set uplink master br0",
  );
  try {
    await examine({ ...macvlan({ ipv6: true }), type: "bridge", bridge: "br0", master: undefined });
  } finally {
    await stage.host.shell("ip link set uplink nomaster; ip link del br0");
  }
}, 120_000);

needs("ipvlan").test(
  "on ipvlan, whose links share one hardware address",
  () => examine({ ...macvlan({ ipv6: true }), type: "ipvlan" }),
  120_000,
);

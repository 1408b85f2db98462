/** An agent's loop on a host where in-process plugins attach too, also to the same bridge. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { callPlugin } from "../support/cni-call.ts";
import { ourDir } from "../support/reference.ts";
import { eventually, World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.make();
  world.declare("blue", { type: "bridge", bridge: "both0", masquerade: true }, "10.94.0.0/24");
  await world.startAgent();
});

afterAll(() => world.remove());

const answers = async (box: string) =>
  (await world.host.run(["ping", "-c1", "-W1", "10.94.0.1"], { netns: box })).status === 0;

/** A container of the plugins', on the agent's bridge. */
async function plug(command: "ADD" | "DEL", container: string, address: string) {
  const config = {
    ...{ cniVersion: "1.1.0", name: "plugged", type: "bridge", bridge: "both0" },
    ...{ isGateway: true, ipMasq: true },
    ipam: { type: "static", addresses: [{ address, gateway: "10.94.0.1" }] },
  };
  const { host } = world;
  const answer = await callPlugin({
    ...{ host, plugins: ourDir(), command, type: "bridge", containerId: container },
    ...{ container, config },
  });
  if (!answer.ok) throw new Error(answer.stdout);
}

const linksOf = async (alias: RegExp): Promise<string[]> =>
  JSON.parse(await world.host.shell("ip -d -j link"))
    .filter(({ ifalias }: any) => alias.test(ifalias ?? ""))
    .map(({ ifname }: any) => ifname);

test("what plugins attached stays as they left it, whatever the agent repairs and removes", async () => {
  const { host } = world;
  const [own, plugged] = [await host.addContainer(), await host.addContainer()];
  const list = world.list("blue", "blue");
  await world.must("add", list, own);
  await plug("ADD", plugged, "10.94.0.200/24");
  for (const box of [own, plugged]) expect(await answers(box)).toBe(true);
  const [link] = await linksOf(/^netloom:cni:/);
  const table = () => host.shell("nft list table inet netloom_cni");
  const rules = await table();

  // Both ends lose something: the agent puts back its own, and no more.
  await host.shell("ip addr flush dev eth0", plugged);
  await host.shell("ip link del eth0", own);
  await eventually("the agent's is back", () => answers(own));
  await Bun.sleep(500);
  expect(await host.shell("ip -4 -br addr show dev eth0", plugged)).not.toContain("10.94");
  expect(await linksOf(/^netloom:cni:/)).toEqual([link!]);
  expect(await table()).toBe(rules);
  expect(world.log).not.toContain(link!);
  await host.shell(
    "ip addr add 10.94.0.200/24 dev eth0; ip route replace default via 10.94.0.1",
    plugged,
  );

  await host.shell("nft flush ruleset");
  const tables = () => host.shell("nft list tables");
  await eventually("the agent's rules are back", async () =>
    (await tables()).includes("netloom_n"),
  );
  expect(await tables()).not.toContain("netloom_cni");

  // The network goes, its bridge stays: a port of another instance is in it.
  await world.must("del", list, own);
  world.control.remove("subnets", { namespace: "default", name: "blue" });
  world.control.remove("networks", { namespace: "default", name: "blue" });
  await eventually("its rules are gone", async () => !(await tables()).includes("netloom_n"));
  expect(await answers(plugged)).toBe(true);
  expect(await linksOf(/^netloom:cni:/)).toEqual([link!]);
  await plug("DEL", plugged, "10.94.0.200/24");
  expect(await linksOf(/^netloom:cni:/)).toEqual([]);
});

/** `vrf`: the container's link routes by a table of its own, and gets out of it again. */
import { describe, expect } from "bun:test";
import { needs } from "../support/kernel-features.ts";
import { ExtrasStage, ways } from "./stage.ts";

const { test } = needs("vrf");

const look = `set +e
  ip -br link show master blue
  ip -d link show blue | grep -o 'vrf table [0-9]*'
  for f in -4 -6; do ip $f -br addr show dev eth0; ip $f route show table 1001; done
  true`;

async function settled(stage: ExtrasStage): Promise<string> {
  await stage.host.shell(
    "for i in $(seq 100); do ip -6 addr show dev eth0 tentative | grep -q . || exit 0; sleep 0.1; done",
    stage.container,
  );
  return await stage.host.shell(look, stage.container);
}

describe.each([...ways])("vrf %s", (way) => {
  test("takes the link with addresses and routes, passes CHECK, and goes with it", async () => {
    await using stage = await ExtrasStage.create(way, { vrf: { vrfname: "blue", table: 1001 } });
    await stage.add();
    const text = await settled(stage);
    expect(text).toContain("eth0");
    expect(text).toContain("vrf table 1001");
    expect(text).toContain("10.5.0.2/24");
    expect(text).toContain("fd05::2/64");
    expect(text).toContain("default via 10.5.0.1 dev eth0");
    expect(text).toContain("default via fd05::1 dev eth0");
    await stage.host.shell("ping -c1 -W5 10.5.0.2; ping -c1 -W5 fd05::2");
    await stage.host.shell("ping -I blue -c1 -W5 198.51.100.1", stage.container);
    expect((await stage.call("CHECK")).stdout).toBe("");
    await stage.host.shell("ip link set eth0 nomaster", stage.container);
    expect((await stage.call("CHECK")).json.code).toBe(103);
    expect((await stage.call("DEL")).stdout).toBe("");
    expect(await stage.host.shell("ip -br link", stage.container)).not.toContain("blue");
    expect((await stage.call("DEL")).stdout).toBe("");
  });
});

test("a VRF goes with the last link in it, whose addresses and routes stay", async () => {
  await using stage = await ExtrasStage.create("chained", { vrf: { vrfname: "blue" } });
  await stage.add();
  const second = await stage.call("ADD", { ifName: "eth1" });
  expect(second.ok, second.stdout).toBe(true);
  const links = () => stage.host.shell("ip -br link show type vrf", stage.container);
  await stage.call("DEL", { ifName: "eth1", prevResult: second.json });
  expect(await links()).toContain("blue");
  await stage.removeExtras();
  expect(await links()).toBe("");
  const text = await stage.host.shell("ip route; ip -6 route; ip -6 addr", stage.container);
  expect(text).toContain("default via 10.5.0.1 dev eth0");
  expect(text).toContain("default via fd05::1 dev eth0");
  expect(text).toContain("fd05::2/64");
});

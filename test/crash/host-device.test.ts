/** host-device killed anywhere: the device comes home as it was, by DEL, GC, or ADD after DEL. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Attachment, makeContainers, type Verb } from "../host/attachment.ts";
import { PrivateHost } from "../host/private-host.ts";
import { ourDir } from "../support/reference.ts";
import { isSampled } from "../support/sample.ts";
import { runUntil, trace, wasKilled } from "./points.ts";

const network = {
  name: "nldevice",
  bridge: "",
  plugins: [
    {
      type: "host-device",
      device: "dev0",
      ipam: { type: "static", addresses: [{ address: "10.5.0.9/24", gateway: "10.5.0.1" }] },
    },
  ],
};

/** A pair stands for the device. */
const device = `ip link add dev0 address 02:aa:bb:cc:dd:01 mtu 1400 type veth peer name far
  ip link set far up
  ip addr add 10.9.0.1/24 dev dev0; ip addr add fd09::1/64 dev dev0 nodad
  ip link set dev0 up; ip route add 192.0.2.0/24 via 10.9.0.7 metric 77
  ip -6 route add 2001:db8:9::/48 via fd09::7`;
const look = `ip -o link show dev dev0 | sed 's/^[0-9]*: //; s/@[^:]*//; s/state [A-Z]*//'
  ip -o addr show dev dev0 scope global | sed 's/^[0-9]*: //'
  ip route show dev dev0; ip -6 route show dev dev0 | grep -v fe80
  ls /var/lib/netloom/attachments; ip -n crash -br link`;

let host: PrivateHost;
beforeAll(async () => {
  host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  await makeContainers(host, ["crash"]);
  await host.run(["sh", "-c", device]);
}, 60_000);
afterAll(() => host?.close());

const recoveries: readonly (readonly Verb[])[] = [["DEL"], ["DEL", "ADD", "CHECK", "DEL"], ["GC"]];

for (const verb of ["ADD", "DEL"] as const) {
  test(`${verb} killed at each point leaves a device that comes home whole`, async () => {
    const attachment = new Attachment(host, network, "crash");
    const state = () => host.run(["sh", "-c", look]);
    await attachment.run("ADD");
    await attachment.run("DEL");
    const before = await state();
    const [prepare] = attachment.calls(verb);
    if (verb === "DEL") await attachment.run("ADD");
    const { points } = await trace(host, prepare!(attachment.result));
    attachment.result = undefined;
    await attachment.run("DEL");
    let kills = 0;
    for (const [index, point] of points.entries()) {
      if (!isSampled(`device ${verb} ${point.call} ${point.nth}`)) continue;
      if (verb === "DEL") await attachment.run("ADD");
      if (wasKilled(await runUntil(host, prepare!(attachment.result), point))) kills++;
      const recovery = recoveries[index % recoveries.length]!;
      for (const step of recovery) await attachment.run(step);
      attachment.result = undefined;
      expect(await state(), `${point.call} ${point.nth}, then ${recovery}: ${point.text}`).toBe(
        before,
      );
    }
    expect(points.length).toBeGreaterThan(5);
    expect(kills).toBeGreaterThan(points.length / 10);
  }, 300_000);
}

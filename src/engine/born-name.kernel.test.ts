/** A container's link whose parent on the host has the same name. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { macvlan } from "../drivers/macvlan.ts";
import type { ChildLink } from "../model/kernel-object.ts";
import { passingName } from "./born-name.ts";
import { type Box, EngineFixture } from "./engine-fixture.ts";
import { listRecords } from "./record.ts";

let fixture: EngineFixture;
beforeEach(() => {
  fixture = new EngineFixture("born");
  fixture.addParent();
  fixture.host.run("sh", "-ec", "ip link set lan down; ip link set lan name eth0 up");
});
afterEach(() => fixture[Symbol.dispose]());

const wish = { driver: macvlan, config: { master: "eth0" }, ips: ["10.1.0.5/24", "fd00::5/64"] };
const namesIn = ({ netns }: Box): string[] =>
  netns.json("ip", "-j", "link").map(({ ifname }) => ifname);

test("it has its name, address and mark, and goes", async () => {
  const box = fixture.box();
  await fixture.attach(box, wish);
  expect(namesIn(box)).toEqual(["lo", "eth0"]);
  const [link] = box.netns.json("ip", "-j", "addr", "show", "dev", "eth0");
  expect(link).toMatchObject({ operstate: "UP" });
  expect(link.addr_info.map(({ local }: any) => local)).toContain("10.1.0.5");
  expect(box.netns.run("ip", "link", "show", "dev", "eth0")).toContain("alias netloom:cni:");
  await fixture.detach(box, wish);
  expect(namesIn(box)).toEqual(["lo"]);
});

test("one whose maker was ended before it named it goes too", async () => {
  const box = fixture.box();
  await fixture.attach(box, wish);
  const [record] = listRecords(fixture.paths);
  const link = record!.objects.find((object) => object.kind === "link") as ChildLink;
  const unnamed = passingName(link);
  const steps = `ip link set eth0 down alias ''; ip link set eth0 name ${unnamed}`;
  box.netns.run("sh", "-ec", steps);
  expect(namesIn(box)).toEqual(["lo", unnamed]);
  await fixture.detach(box, wish);
  expect(namesIn(box)).toEqual(["lo"]);
});

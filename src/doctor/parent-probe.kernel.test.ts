/** The probe of a parent, against networks that take foreign hardware addresses and that don't. */
import { expect, test } from "bun:test";
import { EngineFixture } from "../engine/engine-fixture.ts";
import { ScratchNetns } from "../kernel/netns/scratch.ts";
import type { Finding } from "./finding.ts";
import { fieldDirs } from "./host.ts";
import { probeParent } from "./parent-probe.ts";

const parentProbe = (fixture: EngineFixture, name: string): Promise<Finding> =>
  fixture.engine((engine) => probeParent({ ...engine, ...fieldDirs, file: (path) => path }, name));

const cases: [string, (lan: ScratchNetns) => unknown, Finding["level"], RegExp][] = [
  ["takes them", () => {}, "fine", /takes frames of containers' own addresses/],
  [
    "drops them, as an access point or a hypervisor does",
    // Only the link's own address passes.
    (lan) =>
      lan.run(
        "nft",
        "table netdev guard { chain in { type filter hook ingress device wire priority 0; " +
          "ether saddr != 02:00:00:00:00:77 drop; }; }",
      ),
    "fault",
    /answers "eth7", but not a container's own hardware address/,
  ],
  [
    "is silent",
    (lan) => lan.run("ip", "addr", "flush", "dev", "wire"),
    "warning",
    /does not answer "eth7" itself: nothing can be said/,
  ],
];

test.each(cases)("a network that %s", async (_, spoil, level, what) => {
  using fixture = new EngineFixture("probe");
  using lan = new ScratchNetns("lan");
  const { host } = fixture;
  host.run("ip", "link", "add", "eth7", "type", "veth", "peer", "name", "wire");
  host.run("ip", "link", "set", "wire", "netns", lan.name);
  host.run("ip", "link", "set", "eth7", "address", "02:00:00:00:00:77", "up");
  host.run("ip", "addr", "add", "198.51.100.2/24", "dev", "eth7");
  lan.run("ip", "link", "set", "wire", "up");
  lan.run("ip", "addr", "add", "198.51.100.1/24", "dev", "wire");
  host.run("ip", "route", "add", "default", "via", "198.51.100.1");
  await spoil(lan);
  const before = fixture.state();
  const found = await parentProbe(fixture, "eth7");
  expect(found).toMatchObject({ level, what: expect.stringMatching(what) });
  expect(fixture.state()).toEqual(before);
});

test("a link that is not there, is down, or leads to no gateway", async () => {
  using fixture = new EngineFixture("probe");
  expect(await parentProbe(fixture, "eth7")).toMatchObject({ level: "fault" });
  fixture.host.run("ip", "link", "add", "eth7", "type", "veth", "peer", "name", "wire");
  expect((await parentProbe(fixture, "eth7")).what).toContain("is down");
  fixture.host.run("ip", "link", "set", "eth7", "up");
  expect((await parentProbe(fixture, "eth7")).what).toContain("nobody to ask");
});

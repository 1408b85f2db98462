/** What a parent does not take is refused in words that help, on the real kernel. */
import { expect, test } from "bun:test";
import { macvlan } from "../drivers/macvlan.ts";
import { EngineFixture, type Wish } from "./engine-fixture.ts";
import { KernelFacts } from "./host-facts.ts";

const wish = (config: object = {}, n = 1): Wish => ({
  driver: macvlan,
  config: { master: "lan", ...config },
  ips: [`10.88.0.${n + 1}/24`],
});

/** A host with a parent, on which these commands were run. */
function hostWith(...commands: string[][]): EngineFixture {
  const fixture = new EngineFixture("guard");
  fixture.addParent();
  for (const command of commands) fixture.host.run("ip", "link", ...command);
  return fixture;
}

const links = (fixture: EngineFixture) => fixture.host.json("ip", "-j", "link").length;

const refused: [string, string[][], object, RegExp][] = [
  [
    "a port of a bridge",
    [
      ["add", "br9", "type", "bridge"],
      ["set", "lan", "master", "br9"],
    ],
    {},
    /parent "lan" is a port of "br9": name "br9" as the parent/,
  ],
  [
    "a parent that somebody else's link has whole",
    [["add", "link", "lan", "name", "whole", "type", "macvlan", "mode", "passthru"]],
    {},
    /is held whole by a link in mode "passthru": take another parent/,
  ],
  [
    "a parent that is to be held whole, and is not free",
    [["add", "link", "lan", "name", "other", "type", "macvlan", "mode", "bridge"]],
    { mode: "passthru" },
    /no Ethernet link, or is held whole/,
  ],
  ["the loopback", [], { master: "lo" }, /parent "lo" is no Ethernet link/],
  ["a link that is not there", [], { master: "nil" }, /there is no link "nil" on this host/],
  ["an MTU beyond the parent's", [], { mtu: 9000 }, /9000 is more than the 1500 of the parent/],
];

test.each(refused)("%s is refused, and nothing is left", async (_, commands, config, message) => {
  using fixture = hostWith(...commands);
  const before = links(fixture);
  await expect(fixture.attach(fixture.box(), wish(config))).rejects.toThrow(message);
  expect([links(fixture), fixture.records()]).toEqual([before, []]);
});

test("a second child beside one that has the parent whole is refused with that one's name", async () => {
  using fixture = hostWith();
  await fixture.attach(fixture.box(), wish({ mode: "passthru" }));
  const second = fixture.attach(fixture.box(), wish({}, 2));
  await expect(second).rejects.toThrow(/held whole by link "eth0" of container "c1"/);
});

test("a child that wants a parent whole is refused with who is on it", async () => {
  using fixture = hostWith();
  await fixture.attach(fixture.box(), wish());
  const second = fixture.attach(fixture.box(), wish({ mode: "passthru" }, 2));
  await expect(second).rejects.toThrow(/takes parent "lan" whole, and .* container "c1" is on it/);
});

test("a hardware address that a sibling has is refused", async () => {
  using fixture = hostWith();
  const mac = "02:00:00:00:00:77";
  await fixture.attach(fixture.box(), { ...wish(), mac });
  const second = fixture.attach(fixture.box(), { ...wish({}, 2), mac });
  await expect(second).rejects.toThrow(/hardware address 02:00:00:00:00:77 already/);
});

test("hardware addresses on the parent are counted, whoever made the links", async () => {
  using fixture = hostWith(
    ["add", "link", "lan", "name", "m0", "type", "macvlan"],
    ["set", "m0", "up"],
  );
  const count = () =>
    fixture.engine((engine) => new KernelFacts(engine).otherMacs({ netns: "host", name: "lan" }));
  expect(await count()).toBe(1);
  const box = fixture.box();
  await fixture.attach(box, wish({ maxMacs: 2 }));
  expect(await count()).toBe(2);
  const more = fixture.attach(fixture.box(), wish({ maxMacs: 2 }, 2));
  await expect(more).rejects.toThrow(
    /maxMacs: parent "lan" has 2 hardware addresses .* 2 are allowed/,
  );
  await fixture.detach(box, wish());
  expect(await count()).toBe(1);
});

test("a parent that is down is warned of, and carries packets once it is up", async () => {
  using fixture = hostWith(["set", "lan", "down"]);
  const [one, two] = [fixture.box(), fixture.box()];
  const { warnings } = await fixture.attach(one, wish());
  expect(warnings).toEqual([
    'parent "lan" is down: packets pass once it is up (ip link set lan up)',
  ]);
  await fixture.attach(two, wish({}, 2));
  fixture.host.run("ip", "link", "set", "lan", "up");
  one.netns.run("ping", "-n", "-q", "-c", "1", "-W", "5", "10.88.0.3");
});

/** Every network type sits the same exam, on the real kernel. */
import { describe, expect, test } from "bun:test";
import { type Candidate, candidates, examAddresses } from "../drivers/conformance.ts";
import { drivers } from "../drivers/index.ts";
import type { ScratchNetns } from "../kernel/netns/scratch.ts";
import { plan } from "../plan/plan.ts";
import type { Attached } from "./attach.ts";
import { type Box, EngineFixture, type Wish } from "./engine-fixture.ts";
import { observe } from "./observe.ts";

function wishOf(candidate: Candidate, n: number): Wish {
  const { driver, config, routes = [] } = candidate;
  return { driver, config, routes, ...examAddresses(n) };
}

/** Attaches so many containers. */
async function attachAll(fixture: EngineFixture, candidate: Candidate, count: number) {
  const all: { box: Box; wish: Wish; attached: Attached }[] = [];
  for (let n = 1; n <= count; n++) {
    const box = fixture.box();
    const wish = wishOf(candidate, n);
    all.push({ box, wish, attached: await fixture.attach(box, wish) });
  }
  return all;
}

/** Pings once, within a second. Throws when nothing comes back. */
function ping(from: ScratchNetns, address: string): void {
  from.run("ping", "-n", "-q", "-c", "1", "-W", "1", address.replace(/\/.*/, ""));
}

test("every network type sits the exam", () => {
  const examined = new Set(candidates.map(({ driver }) => driver));
  expect(drivers.filter((driver) => !examined.has(driver))).toEqual([]);
});

describe.each(candidates.map((candidate) => [candidate.name, candidate] as const))(
  "%s",
  (_, candidate) => {
    test("what is made is what was desired: the next plan is empty", async () => {
      using fixture = new EngineFixture("exam");
      await attachAll(fixture, candidate, 2);
      expect(fixture.records().length).toBe(2);
      await fixture.engine(async ({ session }) => {
        await session.loadNft();
        for (const { objects } of fixture.records()) {
          expect(plan(objects, observe(session, objects))).toEqual([]);
        }
      });
    });

    test("two containers and the host reach each other at once", async () => {
      using fixture = new EngineFixture("exam");
      const [one, two] = await attachAll(fixture, candidate, 2);
      for (const address of two!.wish.ips) ping(one!.box.netns, address);
      for (const address of one!.wish.ips) ping(two!.box.netns, address);
      if (candidate.withoutHost) return;
      for (const address of one!.wish.ips) ping(fixture.host, address);
      for (const address of two!.wish.gateways!) ping(two!.box.netns, address);
    });

    test("a second ADD of the same is refused and changes nothing", async () => {
      using fixture = new EngineFixture("exam");
      const [one] = await attachAll(fixture, candidate, 1);
      const before = fixture.state();
      const again = fixture.attach(one!.box, one!.wish);
      expect(again).rejects.toThrow('"eth0" in');
      await again.catch(() => {});
      expect(fixture.state()).toEqual(before);
    });

    test("DEL of nothing succeeds, also twice and without the namespace", async () => {
      using fixture = new EngineFixture("exam");
      const box = fixture.box();
      const before = fixture.state();
      const wish = wishOf(candidate, 1);
      await fixture.detach(box, wish);
      await fixture.detach(box, wish, { netns: undefined });
      expect(fixture.state()).toEqual(before);
    });

    test("DEL leaves the bridge and the empty nftables tables only", async () => {
      using fixture = new EngineFixture("exam");
      const box = fixture.box();
      const wish = wishOf(candidate, 1);
      const before = fixture.state();
      const names = () => fixture.host.json("ip", "-j", "link").map(({ ifname }) => ifname);
      await fixture.attach(box, wish);
      await fixture.detach(box, wish);
      await fixture.detach(box, wish);
      expect(names().sort()).toEqual([...bridgeOf(candidate), "lo"].sort());
      expect(fixture.host.run("nft", "list", "ruleset")).not.toMatch(/elements/);
      expect(fixture.files()).toEqual({});
      // The second round begins and ends in the same state: nothing adds up.
      const first = fixture.state();
      await fixture.attach(box, wish);
      await fixture.detach(box, wish);
      expect(fixture.state()).toEqual(first);
      expect((first.kernel as unknown[])[1]).toEqual((before.kernel as unknown[])[1]);
    });

    test("CHECK finds nothing amiss after ADD, also beside a second container", async () => {
      using fixture = new EngineFixture("exam");
      for (const { box, wish, attached } of await attachAll(fixture, candidate, 2)) {
        await fixture.check(box, wish, attached);
      }
    });

    test("CHECK minds no MTU and promiscuity that a later plugin has changed", async () => {
      using fixture = new EngineFixture("exam");
      const [one] = await attachAll(fixture, candidate, 1);
      one!.box.netns.run("ip", "link", "set", "eth0", "mtu", "1380", "promisc", "on");
      await fixture.check(one!.box, one!.wish, one!.attached);
    });
  },
);

function bridgeOf({ driver, config }: Candidate): string[] {
  return driver.networkType === "bridge" ? [String(config.bridge ?? "cni0")] : [];
}

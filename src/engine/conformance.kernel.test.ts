/** Every network type sits the same exam, on the real kernel. */
import { expect, test } from "bun:test";
import { needs } from "../../test/support/kernel-features.ts";
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
async function attachAll(fixture: EngineFixture, candidate: Candidate, count: 1 | 2) {
  const all: { box: Box; wish: Wish; attached: Attached }[] = [];
  for (let n = 1; n <= (candidate.single ? 1 : count); n++) {
    const box = fixture.box();
    const wish = wishOf(candidate, n);
    all.push({ box, wish, attached: await fixture.attach(box, wish) });
  }
  return all;
}

/** The host that the candidate needs. */
function examHost({ onParent }: Candidate): EngineFixture {
  const fixture = new EngineFixture("exam");
  if (onParent) fixture.addParent();
  return fixture;
}

/** Pings once, within a second. Throws when nothing comes back. */
function ping(from: ScratchNetns, address: string): void {
  const scope = address.startsWith("fe80:") ? "%eth0" : "";
  from.run("ping", "-n", "-q", "-c", "1", "-W", "1", `${address.replace(/\/.*/, "")}${scope}`);
}

test("every network type sits the exam", () => {
  const examined = new Set(candidates.map(({ driver }) => driver));
  expect(drivers.filter((driver) => !examined.has(driver))).toEqual([]);
});

for (const candidate of candidates) {
  needs(...(candidate.needs ?? [])).describe(candidate.name, () => {
    test("what is made is what was desired: the next plan is empty", async () => {
      using fixture = examHost(candidate);
      await attachAll(fixture, candidate, 2);
      expect(fixture.records().length).toBe(candidate.single ? 1 : 2);
      await fixture.engine(async ({ session }) => {
        await session.loadNft();
        for (const { objects } of fixture.records()) {
          await session.loadKinds(objects);
          expect(plan(objects, observe(session, objects))).toEqual([]);
        }
      });
    });

    // One alone has nobody here: whom it reaches is tried in test/reachability.
    if (!candidate.single)
      test("two containers and the host reach each other at once", async () => {
        using fixture = examHost(candidate);
        const [one, two] = await attachAll(fixture, candidate, 2);
        for (const [from, to] of [
          [one!, two!],
          [two!, one!],
        ] as const) {
          for (const address of to.wish.ips) {
            if (candidate.withoutSiblings) expect(() => ping(from.box.netns, address)).toThrow();
            else ping(from.box.netns, address);
          }
        }
        if (candidate.withoutHost) return;
        for (const address of one!.wish.ips) ping(fixture.host, address);
        for (const { gateway } of two!.attached.port.ips) ping(two!.box.netns, gateway!);
      });

    test("a second ADD of the same is refused and changes nothing", async () => {
      using fixture = examHost(candidate);
      const [one] = await attachAll(fixture, candidate, 1);
      const before = fixture.state();
      const again = fixture.attach(one!.box, one!.wish);
      expect(again).rejects.toThrow('"eth0" in');
      await again.catch(() => {});
      expect(fixture.state()).toEqual(before);
    });

    test("DEL of nothing succeeds, also twice and without the namespace", async () => {
      using fixture = examHost(candidate);
      const box = fixture.box();
      const before = fixture.state();
      const wish = wishOf(candidate, 1);
      await fixture.detach(box, wish);
      await fixture.detach(box, wish, { netns: undefined });
      expect(fixture.state()).toEqual(before);
    });

    test("DEL leaves the bridge and the empty nftables tables only", async () => {
      using fixture = examHost(candidate);
      const box = fixture.box();
      const wish = wishOf(candidate, 1);
      const before = fixture.state();
      const names = () => fixture.host.json("ip", "-j", "link").map(({ ifname }) => ifname);
      await fixture.attach(box, wish);
      await fixture.detach(box, wish);
      await fixture.detach(box, wish);
      const mayStay = [...bridgeOf(candidate), "lo", ...(candidate.onParent ? ["far", "lan"] : [])];
      expect(names().sort()).toEqual(mayStay.sort());
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
      using fixture = examHost(candidate);
      for (const { box, wish, attached } of await attachAll(fixture, candidate, 2)) {
        await fixture.check(box, wish, attached);
      }
    });

    test("CHECK minds no MTU and promiscuity that a later plugin has changed", async () => {
      using fixture = examHost(candidate);
      const [one] = await attachAll(fixture, candidate, 1);
      one!.box.netns.run("ip", "link", "set", "eth0", "mtu", "1380", "promisc", "on");
      await fixture.check(one!.box, one!.wish, one!.attached);
    });
  });
}

function bridgeOf({ driver, config }: Candidate): string[] {
  return driver.networkType === "bridge" ? [String(config.bridge ?? "cni0")] : [];
}

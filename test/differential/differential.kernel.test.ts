/** The reference plugins 1.9.1 and ours, called alike on twin hosts, must come out alike. */
import { describe, expect, test } from "bun:test";
import { needs, onlyNeedy, worthRunning } from "../support/kernel-features.ts";
import { patient } from "../support/patience.ts";
import { ourDir, referenceDir } from "../support/reference.ts";
import { isWhole, sampled } from "../support/sample.ts";
import type { Case } from "./case.ts";
import { bandwidthCases } from "./cases-bandwidth.ts";
import { bridgeCases } from "./cases-bridge.ts";
import { bridgeVlanCases } from "./cases-bridge-vlan.ts";
import { firewallCases } from "./cases-firewall.ts";
import { hostDeviceCases } from "./cases-host-device.ts";
import { ipamCases } from "./cases-ipam.ts";
import { macvlanCases } from "./cases-macvlan.ts";
import { otherCases } from "./cases-others.ts";
import { parentCases } from "./cases-parents.ts";
import { sbrCases } from "./cases-sbr.ts";
import { tapCases } from "./cases-tap.ts";
import { tuningCases } from "./cases-tuning.ts";
import { vrfCases } from "./cases-vrf.ts";
import { differences, type Intended, intendedBy, show } from "./compare.ts";
import { intended } from "./differences.ts";
import { type Observation, observe } from "./observe.ts";

const all = [
  ...bandwidthCases,
  ...firewallCases,
  ...bridgeCases,
  ...hostDeviceCases,
  ...bridgeVlanCases,
  ...ipamCases,
  ...macvlanCases,
  ...otherCases,
  ...sbrCases,
  ...parentCases,
  ...tapCases,
  ...tuningCases,
  ...vrfCases,
];
const cases = worthRunning(sampled(all));
const possible = cases.filter((item) => !needs(...(item.needs ?? [])).missing);
const foreign = referenceDir("1.9.1");
const met = new Set<Intended>();

/**
 * Both sides at once. A busy machine loses a packet's answer now and then: where the sides' traffic
 * differs they are observed again, and what was reached once is reachable.
 */
async function observeBoth(item: Case): Promise<[Observation, Observation]> {
  const observeOnce = () =>
    Promise.all([
      observe(item, { plugins: foreign, foreign }),
      observe(item, { plugins: ourDir(), foreign, isOurs: true }),
    ]);
  const sides = await observeOnce();
  for (let attempt = 1; attempt < 5; attempt++) {
    const isLossy = differences("", sides[0], sides[1]).some(({ where }) =>
      where.includes("/ traffic /"),
    );
    if (!isLossy) break;
    for (const [i, again] of (await observeOnce()).entries()) addReached(sides[i]!, again);
  }
  return sides;
}

function addReached(observation: Observation, again: Observation): void {
  const traffic = observation.traffic as Record<string, string | null>;
  for (const [probe, answer] of Object.entries(again.traffic as typeof traffic)) {
    traffic[probe] ??= answer;
  }
}

const started = new Map<Case, Promise<[Observation, Observation]>>();

/** Starts a case and the next two, so that one's waiting is another's work. */
function observed(item: Case): Promise<[Observation, Observation]> {
  const index = possible.indexOf(item);
  for (const next of possible.slice(index, index + 3)) {
    if (started.has(next)) continue;
    const promise = observeBoth(next);
    promise.catch(() => {}); // told by the test that awaits it
    started.set(next, promise);
  }
  return started.get(item)!;
}

describe("alike with the reference", () => {
  for (const item of cases) {
    needs(...(item.needs ?? [])).test(
      item.name,
      async () => {
        const [reference, ours] = await observed(item);
        // A case that the reference answers otherwise than its author thought compares nothing.
        expect(reference[`ADD c${item.containers ?? 1} succeeds`]).toBe(item.refused !== true);
        if (item.traffic) {
          const answers = Object.values(reference.traffic as Record<string, string | null>);
          expect(answers.filter((answer) => answer !== null).length).toBeGreaterThan(5);
        }
        const unlisted: string[] = [];
        for (const difference of differences(item.name, reference, ours)) {
          const entry = intendedBy(difference, intended);
          if (entry === undefined) unlisted.push(show(difference));
          else met.add(entry);
        }
        expect(unlisted).toEqual([]);
      },
      patient(60_000),
    );
  }
});

describe("the list of intended differences", () => {
  // A part of the cases meets a part of it.
  for (const entry of worthRunning(isWhole ? intended : []).filter(({ sometimes }) => !sometimes)) {
    needs(...(entry.needs ?? [])).test(`still occurs: ${entry.reason}`, () => {
      expect(met.has(entry)).toBe(true);
    });
  }
});

test("the cases' names are unique and there are at least 60", () => {
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  expect(all.length).toBeGreaterThanOrEqual(60);
});

// It tries the comparison itself: once is enough.
if (!onlyNeedy) {
  test("a change of release shows as differences", async () => {
    const item = all.find(({ name }) => name === "bridge at 1.0.0")!;
    const old = referenceDir("1.1.1");
    const [before, after] = await Promise.all([
      observe(item, { plugins: old, foreign: old }),
      observe(item, { plugins: foreign, foreign }),
    ]);
    const places = differences("", before, after).map(({ where }) => where);
    expect(places).toContain(" / result c1 / dns");
  });
}

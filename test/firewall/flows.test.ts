/** Which flows each ingress policy lets pass: as with the reference plugin, by real packets. */
import { describe, expect, test } from "bun:test";
import { ourDir, referenceDir } from "../support/reference.ts";
import { FlowStage, type FlowStageOptions, type Policy } from "./stage.ts";

type Flows = Readonly<Record<string, boolean>>;

async function flowsOf(options: FlowStageOptions): Promise<Flows> {
  await using stage = await FlowStage.create(options);
  return await stage.settledFlows();
}

const passing = (flows: Flows, form: RegExp) =>
  Object.entries(flows).filter(([flow, ok]) => form.test(flow) && ok).length;

const pairs: [Policy, Policy][] = [
  ["open", "open"],
  ["open", "same-bridge"],
  ["same-bridge", "same-bridge"],
  ["same-bridge", "isolated"],
  ["isolated", "isolated"],
  ["isolated", "open"],
];
const timeoutMs = 120_000;

describe.each(pairs)("%s beside %s", (...policies) => {
  test.each([
    ["chained", false],
    ["in one run", true],
  ])(
    "%s, lets pass what the reference does",
    async (_, inOneRun) => {
      const alike = { policies, bridged: true } as const;
      const reference = await flowsOf({ ...alike, plugins: referenceDir("1.9.1") });
      const ours = await flowsOf({ ...alike, plugins: ourDir(), inOneRun });
      expect(passing(reference, /> (host|outside) /)).toBeGreaterThan(10);
      expect(ours).toEqual(reference);
    },
    timeoutMs,
  );
});

/** Between siblings on a bridge, between bridges, and through the host's published ports. */
const kinds = {
  sibling: /^(a1 > a2|b1 > b2) (tcp|udp|ping)/,
  crossing: /^(a1 > b\d|b1 > a\d) (tcp|udp|ping)/,
  "published sibling": /^(a1 > a2|b1 > b2) published/,
  "published crossing": /^(a1 > b\d|b1 > a\d) published/,
  "from outside": /^outside > [ab]\d /,
  "from the host": /^host > [ab]\d /,
  outward: /^[ab]1 > (outside|host) /,
} as const;
const always = ["from outside", "from the host", "outward"];
const expectations: [Policy, readonly string[]][] = [
  ["open", ["sibling", "crossing", "published sibling", "published crossing", ...always]],
  ["same-bridge", ["sibling", "published sibling", ...always]],
  ["isolated", always],
];

describe.each(expectations)("%s", (policy, allowed) => {
  test.each([true, false])(
    "in both families, with br_netfilter %p",
    async (bridged) => {
      const options = { policies: [policy, policy], bridged, plugins: ourDir() } as const;
      await using stage = await FlowStage.create(options);
      const flows = await stage.settledFlows();
      for (const [kind, form] of Object.entries(kinds)) {
        const found = Object.keys(flows).filter((flow) => form.test(flow));
        expect(found.length).toBeGreaterThan(3);
        const wrong = found.filter((flow) => flows[flow] !== allowed.includes(kind));
        expect([kind, wrong]).toEqual([kind, []]);
      }
    },
    timeoutMs,
  );
});

test(
  "containers on links of their own are told apart as bridges are",
  async () => {
    const alike = { policies: ["isolated", "same-bridge"], bridged: true, driver: "ptp" } as const;
    const reference = await flowsOf({ ...alike, plugins: referenceDir("1.9.1") });
    const ours = await flowsOf({ ...alike, plugins: ourDir() });
    expect(passing(ours, /^a1 > (a2|b1|b2) /)).toBe(0);
    expect(ours).toEqual(reference);
  },
  timeoutMs,
);

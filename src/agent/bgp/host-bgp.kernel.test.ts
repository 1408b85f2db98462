/** Two agents of one network namespace: one speaks BGP, and the other says why it does not. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { eventually } from "../../../test/agent/world.ts";
import { patient } from "../../../test/support/patience.ts";
import { Sole } from "../routed/sole.ts";
import { HostBgp } from "./host-bgp.ts";
import { bgpReport } from "./report.ts";

function specOf() {
  const metadata = { namespace: "default", name: "blue" };
  const networks = [{ metadata, spec: { type: "routed", backend: "bgp" } }];
  const objects: Record<string, readonly object[]> = { networks };
  const underlay = [{ address: "127.0.0.1", prefixLength: 8, mtu: 1500 }];
  return {
    ...{ isComplete: true, revision: "1" },
    all: (plural: string) => objects[plural] ?? [],
    host: () => ({ metadata: {}, spec: {}, status: { underlay } }),
    subnet: () => undefined,
    subnetsOf: () => [{ spec: { cidr: "10.1.0.0/16" } }],
    removeNetworks: () => {
      objects.networks = [];
    },
  };
}

const dirs: string[] = [];
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});
function newDir(): string {
  const dir = mkdtempSync("/tmp/nltest-host-bgp-");
  dirs.push(dir);
  return dir;
}

/** An agent's part; its run directory is its own unless told. */
function agentOf(host: string, runDir = newDir()) {
  const sole = new Sole();
  const spec = specOf();
  const parts = { host, spec, engine: { paths: { runDir } }, log: () => {} };
  const bgp = new HostBgp(parts as never, () => sole.isTaken());
  return {
    bgp,
    runDir,
    /** As when its last network with backend bgp goes. */
    leave: async () => {
      spec.removeNetworks();
      bgp.ticker.nudge();
      await eventually("it is left", async () => !bgp.status, patient(15_000));
    },
    end: async () => {
      await bgp.ticker.stop();
      await bgp[Symbol.asyncDispose]();
      sole[Symbol.dispose]();
    },
  };
}

const isSpoken = ({ bgp }: ReturnType<typeof agentOf>) =>
  eventually(
    "BGP is spoken",
    async () => !!bgp.status?.version && bgp.status.error === undefined,
    patient(30_000),
  );

test(
  "the second says who speaks in its place, and speaks once the first has ended",
  async () => {
    const [one, two] = [agentOf("one"), agentOf("two")];
    try {
      one.bgp.ticker.start();
      await isSpoken(one);
      two.bgp.ticker.start();
      await eventually("it says so", async () => two.bgp.status !== undefined, patient(5_000));
      const { unspoken, bgp } = bgpReport(two.bgp.status);
      expect(unspoken).toContain("another agent of this network namespace speaks BGP");
      expect(unspoken).toContain("end that one");
      expect(bgp).toMatchObject({ hosts: 0, peers: [] });
      expect(bgpReport(one.bgp.status).unspoken).toBeUndefined();
      await one.leave();
      await one.end();
      two.bgp.ticker.nudge();
      await isSpoken(two);
      await two.leave();
    } finally {
      await one.end();
      await two.end();
    }
  },
  patient(60_000),
);

test(
  "a daemon that it left running is ended where another one speaks meanwhile",
  async () => {
    const [before, two] = [agentOf("one"), agentOf("two")];
    const one = agentOf("one", before.runDir);
    try {
      before.bgp.ticker.start();
      await isSpoken(before);
      await before.end();
      two.bgp.ticker.start();
      // Its daemon can't have the port: the other one has it.
      await eventually("it can't", async () => !!two.bgp.status?.error, patient(15_000));
      one.bgp.ticker.start();
      await isSpoken(two);
      expect(bgpReport(one.bgp.status).unspoken).toContain("another agent");
      expect(existsSync(`${one.runDir}/bgp`)).toBe(false);
      await one.leave();
      expect(bgpReport(two.bgp.status).unspoken).toBeUndefined();
      await two.leave();
    } finally {
      await one.end();
      await two.end();
    }
  },
  patient(60_000),
);

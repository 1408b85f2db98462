/**
 * What a container may not send reaches nobody where its network guards against it, and arrives
 * where it does not: rogue router advertisements (CVE-2020-10749, CVE-2020-13401), ARP, ND and
 * MAC spoofing, with real frames.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { callPlugin } from "../support/cni-call.ts";
import { type Feature, needs, worthRunning } from "../support/kernel-features.ts";
import { ourDir } from "../support/reference.ts";
import { shell } from "../support/run.ts";
import { lan, TestHost } from "../support/test-host.ts";
import { arrive, type End } from "./raw-frames.ts";
import { type Attack, attacks, type Cast, endFrame, honest } from "./spoofed.ts";

/** A network type to try: another type joins by a line here. */
interface Subject {
  readonly name: string;
  readonly config: { readonly type: string; readonly [key: string]: unknown };
  /** Who listens: a second container of the network, or another host on the LAN. */
  readonly at: "sibling" | "LAN";
  readonly guards: readonly Attack["option"][];
  readonly needs?: readonly Feature[];
}

const all = ["raGuard", "macspoofchk", "ipspoofchk"] as const;

const subjects: readonly Subject[] = [
  { name: "bridge", config: { type: "bridge", bridge: "br0" }, at: "sibling", guards: all },
  { name: "macvlan", config: { type: "macvlan", master: "uplink" }, at: "sibling", guards: all },
  {
    name: "macvlan, towards the LAN",
    config: { type: "macvlan", master: "uplink", mode: "private" },
    at: "LAN",
    guards: all,
  },
  {
    name: "ipvlan",
    config: { type: "ipvlan", master: "uplink" },
    at: "LAN",
    guards: ["raGuard"],
    needs: ["ipvlan"],
  },
];

const unguarded = { raGuard: false, acceptRa: true };
const guarded = (guards: Subject["guards"]) =>
  Object.fromEntries(guards.map((option) => [option, true]));

interface Member {
  readonly end: End;
  readonly cast: Cast;
}

/** The network with some options, an attacker in it, and who listens. */
async function open(host: TestHost, { config, at }: Subject, options: object) {
  const attacker = await attach(host, { ...config, ...options });
  const sibling = at === "sibling" ? await attach(host, { ...config, ...options }) : undefined;
  return { attacker, listener: sibling?.end ?? { netns: host.outside, link: "lan" } };
}

async function attach(host: TestHost, config: Subject["config"]): Promise<Member> {
  const container = await host.addContainer();
  const ipam = {
    type: "host-local",
    dataDir: `${host.dir}/data`,
    ranges: [
      [{ subnet: "198.51.100.0/24", rangeStart: "198.51.100.10" }],
      [{ subnet: "2001:db8:100::/64", rangeStart: "2001:db8:100::10" }],
    ],
  };
  const answer = await callPlugin({
    ...{ host, plugins: ourDir(), command: "ADD", type: config.type, containerId: container },
    container,
    config: { cniVersion: "1.1.0", name: "net", ...config, ipam },
  });
  if (!answer.ok) throw new Error(answer.stdout);
  const { ips, interfaces } = answer.json;
  const [ipv4, ipv6] = ips.map(({ address }: { address: string }) => address.split("/")[0]);
  const { mac } = interfaces.at(-1);
  const other = { otherMac: "02:66:66:66:66:66", otherIpv4: lan.outside4, otherIpv6: lan.outside6 };
  return { end: { netns: container, link: "eth0" }, cast: { mac, ipv4, ipv6, ...other } };
}

async function tried(
  { attacker, listener }: Awaited<ReturnType<typeof open>>,
  tries: readonly Attack[],
): Promise<Record<string, boolean>> {
  const { end, cast } = attacker;
  const frames = tries.map(({ frame, claim, bypass }) => ({ bytes: frame(cast), claim, bypass }));
  const heard = await arrive(end, listener, frames, endFrame(cast));
  return Object.fromEntries(tries.map(({ name }, i) => [name, heard[i]!]));
}

const every = (tries: readonly Attack[], value: boolean) =>
  Object.fromEntries(tries.map(({ name }) => [name, value]));

for (const subject of worthRunning(subjects)) {
  needs(...(subject.needs ?? [])).describe(subject.name, () => {
    const own = attacks.filter(({ option }) => subject.guards.includes(option));
    let host: TestHost;
    beforeAll(async () => {
      host = await TestHost.create();
    }, 60_000);
    afterAll(() => host?.remove());

    test("what is guarded against reaches nobody", async () => {
      const network = await open(host, subject, guarded(subject.guards));
      expect(await tried(network, own)).toEqual(every(own, false));
    }, 120_000);

    test("a guarded container's own addresses pass", async () => {
      const network = await open(host, subject, guarded(subject.guards));
      expect(await tried(network, honest)).toEqual(every(honest, true));
    }, 120_000);

    test("routers' advertisements are dropped without a word in the configuration", async () => {
      const adverts = attacks.filter(({ option }) => option === "raGuard");
      const network = await open(host, subject, {});
      expect(await tried(network, adverts)).toEqual(every(adverts, false));
    }, 120_000);

    test("without guards all of it arrives, and who listens to routers believes them", async () => {
      const network = await open(host, subject, unguarded);
      expect(await tried(network, own)).toEqual(every(own, true));
      if (subject.at !== "sibling") return;
      const { netns } = network.listener;
      const believed =
        "for i in $(seq 100); do ip -6 route | grep -q '^default .* proto ra' && exit; sleep 0.1; done; exit 1";
      await shell(believed, { netns });
    }, 120_000);
  });
}

describe("a container that was told nothing", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await TestHost.create();
  }, 60_000);
  afterAll(() => host?.remove());

  test("believes no router, whoever sends", async () => {
    const { attacker } = await open(host, subjects[1]!, { raGuard: false });
    const { end } = await attach(host, subjects[1]!.config);
    const frame = { bytes: attacks[0]!.frame(attacker.cast) };
    expect(await arrive(attacker.end, end, [frame], endFrame(attacker.cast))).toEqual([true]);
    expect(await shell("ip -6 route show default", { netns: end.netns })).toBe("");
  }, 60_000);
});

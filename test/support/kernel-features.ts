/**
 * What this machine's kernel can do, found by trying it, and the guard of tests that need it:
 * `needs("ipvlan").test("…", …)` is skipped by name where it is missing, and runs in the VM.
 */
import { describe, test } from "bun:test";
import { patient } from "./patience.ts";

/** Each is tried by a shell script in a network namespace of its own. */
export const tries = {
  /** Links of type ipvlan. */
  ipvlan:
    "ip link add name p type dummy || ip link add name p type veth peer q; ip link add link p name t type ipvlan",
  /** 802.1Q sub-interfaces. */
  vlan: "ip link add name p type veth peer q && ip link add link p name t type vlan id 5",
  /** Bridges that look at VLAN tags. */
  "vlan filtering": "ip link add name t type bridge vlan_filtering 1",
  dummy: "ip link add name t type dummy",
  vrf: "ip link add name t type vrf table 100",
  wireguard: "ip link add name t type wireguard",
  /** SCTP sockets, not only rules about them. */
  sctp: "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)'",
  netem: "tc qdisc add dev lo root netem delay 1ms",
  flower:
    "tc qdisc add dev lo clsact && tc filter add dev lo ingress protocol ip flower action pass",
  matchall:
    "tc qdisc add dev lo clsact && tc filter add dev lo ingress protocol all matchall action pass",
  fq_codel: "tc qdisc add dev lo root fq_codel",
  /** Network cards on a PCI bus that tests may do anything with: the VM's own. */
  "pci cards": 'test -n "$NETLOOM_VM" && ls -d /sys/bus/pci/drivers/virtio-pci/*/virtio*/net',
} as const;

export type Feature = keyof typeof tries;

const found = new Map<Feature, boolean>();

/** Whether this kernel has it. The first question tries it, a few milliseconds. */
export function has(feature: Feature): boolean {
  let answer = found.get(feature);
  if (answer === undefined) {
    const argv = ["unshare", "--net", "sh", "-ec", tries[feature]];
    answer = Bun.spawnSync(argv, { stdio: ["ignore", "ignore", "ignore"] }).success;
    found.set(feature, answer);
  }
  return answer;
}

/** In the VM only cases with needs are worth their time there; see docs/design/test-runner.md. */
export const onlyNeedy = process.env.NETLOOM_VM === "needy";

/** The cases of a table that are to run here; `lacks` is for kernels without the feature. */
export function worthRunning<
  T extends { readonly needs?: readonly Feature[]; readonly lacks?: Feature },
>(cases: readonly T[]): T[] {
  return cases.filter(({ needs: wanted = [], lacks }) => {
    if (lacks !== undefined && has(lacks)) return false;
    return !onlyNeedy || wanted.length > 0;
  });
}

/**
 * `test` and `describe` for what needs these features. Names say so: `… (needs ipvlan, vlan)`. The
 * runner lets such a skip pass when test/allowed-skips.ts names the feature, and fails the run when
 * the test was not run in the VM either. Without features they are Bun's own.
 */
export function needs(...features: readonly Feature[]) {
  const missing = features.some((feature) => !has(feature));
  const named = (name: string) =>
    features.length === 0 ? name : `${name} (needs ${features.join(", ")})`;
  return {
    missing,
    test: (name: string, body: () => unknown, timeoutMs?: number) =>
      test.skipIf(missing)(named(name), body as () => void, timeoutMs && patient(timeoutMs)),
    describe: (name: string, body: () => void) => describe.skipIf(missing)(named(name), body),
  };
}

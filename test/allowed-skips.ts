/** The tests that may be skipped where a kernel lacks something; any other skip fails the run. */
import type { AllowedSkip } from "../tools/allowed-skips.ts";
import { type Feature, tries } from "./support/kernel-features.ts";

const reasons: Record<Feature, string> = {
  ipvlan: "No links of type ipvlan",
  vlan: "No 802.1Q sub-interfaces",
  "vlan filtering": "Bridges do not look at VLAN tags",
  dummy: "No links of type dummy",
  vrf: "No links of type vrf",
  wireguard: "No links of type wireguard",
  sctp: "No SCTP sockets",
  netem: "No queueing discipline netem",
  flower: "No traffic filter flower",
  matchall: "No traffic filter matchall",
  fq_codel: "No queueing discipline fq_codel",
  "pci cards": "A real machine's cards are not a test's to take: those of the VM are",
};

/** All of them run in the VM (docs/design/test-runner.md). */
export const allowedSkips: readonly AllowedSkip[] = (Object.keys(tries) as Feature[]).map(
  (feature) => ({ feature, reason: `${reasons[feature]}; runs in the VM` }),
);

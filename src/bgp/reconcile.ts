/** Brings the daemon to what it should have, with the least changes. */

import type { Desired } from "./desired.ts";
import { familyMessage } from "./family.ts";
import { fingerprint } from "./fingerprint.ts";
import type { GobgpClient } from "./gobgp/client.ts";
import type { peer } from "./gobgp/messages.ts";
import type { Message } from "./gobgp/protobuf.ts";
import { ownPath } from "./paths.ts";
import { policyNames } from "./policies.ts";

/** Fingerprints of what a daemon was given: kept on disk beside it. */
export interface Applied {
  global?: string;
  policies?: string;
  /** By address and by prefix. */
  readonly peers: Record<string, string>;
  readonly paths: Record<string, string>;
  /** Prefix → neighbours that were told it. */
  told: Readonly<Record<string, readonly string[]>>;
}

export const nothingApplied = (): Applied => ({ peers: {}, paths: {}, told: {} });

/** Whether it takes another daemon: what all sessions stand on is said once. */
export const needsAnother = (applied: Applied, want: Desired): boolean =>
  applied.global !== undefined && applied.global !== fingerprint(want.global);

/**
 * Applies the difference and notes each part in `applied` as it is done, so that after an error the
 * next try goes on from there. `isRestart`: peers may still have routes of a daemon before this
 * one. Throws GrpcError.
 */
export async function reconcile(
  client: GobgpClient,
  want: Desired,
  { applied, isRestart }: { applied: Applied; isRestart: boolean },
): Promise<void> {
  if (applied.global === undefined) await startBgp(client, want);
  applied.global = fingerprint(want.global);
  const before = Object.keys(applied.peers);
  for (const address of before.filter((each) => !want.peers.has(each))) {
    await client.call("deletePeer", { address });
    delete applied.peers[address];
  }
  const policies = fingerprint(want.policies);
  const isFiltered = applied.policies === policies;
  // Two blocks that become one, or one that becomes two, are told before they are withdrawn; under
  // filters that are to change, whoever is told might not be to be.
  if (isFiltered) await addPaths(client, want, applied);
  const gone = Object.keys(applied.paths).filter((each) => !want.paths.has(each));
  for (const prefix of [...gone, ...untold(applied, want)]) {
    await deletePath(client, prefix);
    delete applied.paths[prefix];
  }
  if (!isFiltered) await setPolicies(client, want);
  await addPaths(client, want, applied);
  if (!isFiltered) await refilter(client, Object.keys(applied.peers));
  applied.policies = policies;
  applied.told = want.told;
  for (const [address, { config }] of want.peers) {
    const text = fingerprint(config);
    if (applied.peers[address] === text) continue;
    // An update leaves a session alone where it can.
    if (applied.peers[address] !== undefined) await client.call("updatePeer", { peer: config });
    else await client.call("addPeer", { peer: restarting(config, isRestart) });
    applied.peers[address] = text;
  }
}

async function addPaths(client: GobgpClient, want: Desired, applied: Applied): Promise<void> {
  for (const [prefix, path] of want.paths) {
    const text = fingerprint(path);
    if (applied.paths[prefix] === text) continue;
    await client.call("addPath", { table: "global", path });
    applied.paths[prefix] = text;
  }
}

/**
 * Prefixes that some peer had and may have no more. The daemon withdraws nothing for a new filter's
 * sake, so they are withdrawn under the old one, and told anew under the new.
 */
function untold(applied: Applied, want: Desired): string[] {
  return Object.keys(want.told).filter((prefix) =>
    (applied.told[prefix] ?? []).some(
      (address) => want.peers.has(address) && !want.told[prefix]!.includes(address),
    ),
  );
}

function restarting(config: Message<typeof peer>, is: boolean): Message<typeof peer> {
  if (!is) return config;
  return { ...config, gracefulRestart: { ...config.gracefulRestart, localRestarting: true } };
}

async function startBgp(client: GobgpClient, { global }: Desired): Promise<void> {
  const { asn, routerId, listenPort, restartTimeSeconds } = global;
  await client.call("startBgp", {
    global: {
      asn,
      routerId,
      listenPort,
      useMultiplePaths: true,
      gracefulRestart: { enabled: true, restartTime: restartTimeSeconds },
    },
  });
}

/** The assignments are made again each time: at the first there is none, and it costs nothing. */
async function setPolicies(client: GobgpClient, { policies }: Desired): Promise<void> {
  await client.call("setPolicies", policies);
  for (const direction of ["import", "export"] as const) {
    const policy = policies.policies.find(({ name }) => name === policyNames[direction])!;
    await client.call("setPolicyAssignment", {
      assignment: {
        name: "global",
        direction,
        policies: [{ name: policy.name }],
        defaultAction: "reject",
      },
    });
  }
}

/** What was heard goes through the new filters, and what may be told is told: sessions stay. */
async function refilter(client: GobgpClient, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    await client.call("resetPeer", { address, soft: true, direction: "both" });
  }
}

async function deletePath(client: GobgpClient, prefix: string): Promise<void> {
  const isSixth = prefix.includes(":");
  await client.call("deletePath", {
    table: "global",
    family: familyMessage[isSixth ? 6 : 4],
    path: ownPath(prefix, isSixth ? "::" : "0.0.0.0"),
  });
}

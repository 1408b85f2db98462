/** Waits for duplicate address detection: an address is usable only after it. */
import { listAddresses } from "../kernel/netlink/address.ts";
import { addressFamily } from "../kernel/netlink/rtm.ts";
import type { AddressObject } from "../model/kernel-object.ts";
import { ConflictError } from "./conflict.ts";
import type { KernelSession } from "./kernel-session.ts";

/** RFC 4862 lets a node ask once and wait a second, after a random delay of up to one. */
const timeoutMs = 10_000;
const pauseMs = 20;

/**
 * Waits until the kernel has found no other holder of these IPv6 addresses; on links that are down
 * it does not look. Throws ConflictError where there is one, and Error after ten seconds.
 */
export async function settle(
  session: KernelSession,
  addresses: readonly AddressObject[],
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const open = addresses.filter((address) => isTentative(session, address));
    if (open.length === 0) return;
    if (performance.now() > deadline) {
      const names = open.map(({ address }) => address).join(", ");
      throw new Error(
        `Cannot use address ${names}: duplicate address detection has not ended within 10 s`,
      );
    }
    await Bun.sleep(pauseMs);
  }
}

function isTentative(session: KernelSession, { netns, link, address }: AddressObject): boolean {
  const { socket } = session.namespace(netns);
  const { index, up } = session.linkNow(netns, link);
  // Whoever sets it up later has the wait.
  if (!up) return false;
  const found = listAddresses(socket, { index, family: addressFamily.inet6 }).find(
    (candidate) => candidate.address === address,
  );
  if (found?.dadFailed) {
    throw new ConflictError(
      `Cannot use address ${address} on link "${link}": another machine on the network has it. ` +
        "Exclude it from the range, or take it from that machine",
    );
  }
  return found === undefined || found.tentative;
}

/** Waits until a link works: the kernel's yes to a request is no promise that packets pass. */
import { type AddressInfo, listAddresses } from "../../kernel/netlink/address.ts";
import { requireLink } from "../../kernel/netlink/link-info.ts";
import { listGroups } from "../../kernel/netlink/multicast.ts";
import { addressFamily } from "../../kernel/netlink/rtm.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { solicitedNodeGroup } from "../ready.ts";

/** A little more than the kernel may put off a link's change of state: a second. */
const timeoutMs = 1500;

/** RFC 4862 lets a node ask once and wait a second, after a random delay of up to one. */
const detectionMs = 3000;

/** What takes longer is left to itself. */
function until(isDone: () => boolean, patienceMs: number = timeoutMs): void {
  const deadline = performance.now() + patienceMs;
  while (!isDone() && performance.now() < deadline) Bun.sleepSync(1);
}

/** Waits until the kernel has taken note of the link's carrier, before which it drops packets. */
export function untilOperational(socket: NetlinkSocket, index: number): void {
  until(() => ["up", "unknown"].includes(String(requireLink(socket, { index }).operState)));
}

/** Waits until the kernel has looked for other holders of the link's IPv6 addresses. */
export function untilDetected(socket: NetlinkSocket, index: number): void {
  const family = addressFamily.inet6;
  until(
    () => listAddresses(socket, { index, family }).every((one) => !one.tentative || one.dadFailed),
    detectionMs,
  );
}

/** Waits until the link answers for the IPv6 ones among `addresses`. */
export function untilAnswered(
  socket: NetlinkSocket,
  index: number,
  addresses: readonly AddressInfo[],
): void {
  const sixth = addresses.filter(({ family }) => family === addressFamily.inet6);
  if (sixth.length === 0) return;
  const wanted = new Set(sixth.map(({ address }) => address));
  until(() => {
    const groups = listGroups(socket, index);
    if (!sixth.every(({ address }) => groups.includes(solicitedNodeGroup(address)))) return false;
    return listAddresses(socket, { index, family: addressFamily.inet6 }).every(
      ({ address, tentative }) => !tentative || !wanted.has(address),
    );
  });
}

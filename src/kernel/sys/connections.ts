/** TCP connections of this process: ends those that lead nowhere any more. */
import { formatIp, parseIp, unmapped } from "../../lib/ip.ts";
import { readdirSync } from "./files.ts";
import { getsockopt, SysError, shutdown, socketName } from "./libc.ts";
import { readSocketAddress } from "./socket-address.ts";

/** Source: include/uapi/asm-generic/socket.h. */
const [solSocket, soType, soAcceptConn] = [1, 3, 30];
const streamType = 1;
const unset = ["0.0.0.0", "::"];

/**
 * Ends each connection whose own address `isGone` says so of, and gives these addresses, one a
 * connection. Who waits in `fetch` by TLS gets an error (ECONNRESET), but only once its thread has
 * something else to do, such as another request (seen with Bun 1.4): make one. The address alone
 * counts: the process is to have no connections in other namespaces.
 */
export function endConnections(isGone: (address: string) => boolean): string[] {
  const known = new Map<string, boolean>();
  const ended: string[] = [];
  for (const { name } of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    const address = unlessOver(() => ownAddress(fd));
    if (address === undefined) continue;
    const gone = known.get(address) ?? isGone(address);
    known.set(address, gone);
    // Whose it is may have closed it meanwhile, and have another file by its number.
    if (!gone || unlessOver(() => ownAddress(fd)) !== address) continue;
    const isEnded = unlessOver(() => {
      shutdown(fd);
      return true;
    });
    if (isEnded) ended.push(address);
  }
  return ended;
}

/** Of a stream that has one, and is none that listens; undefined of all else. */
function ownAddress(fd: number): string | undefined {
  const end = readSocketAddress(socketName(fd));
  if (!end || unset.includes(end.address)) return undefined;
  if (option(fd, soType) !== streamType || option(fd, soAcceptConn) !== 0) return undefined;
  return formatIp(unmapped(parseIp(end.address)));
}

const option = (fd: number, name: number): number =>
  new DataView(getsockopt(fd, solSocket, name, 4).slice().buffer).getInt32(0, true);

/** No socket, none any more, or not connected any more. */
const over = new Set(["ENOTSOCK", "EBADF", "ENOTCONN"]);

function unlessOver<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof SysError && over.has(error.code)) return undefined;
    throw error;
  }
}

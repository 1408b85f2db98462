/** What a link leaves to its hardware. Source: include/uapi/linux/{ethtool,sockios}.h. */
import { ptr } from "bun:ffi";
import { ioctl } from "./libc.ts";

const siocEthtool = 0x8946;
const getTxChecksum = 0x16;
const setTxChecksum = 0x17;

/** By a socket of the link's namespace, of any family. Throws SysError. */
export function leavesChecksums(fd: number, link: string): boolean {
  return ask(fd, link, new Uint32Array([getTxChecksum, 0])) !== 0;
}

/** Whether checksums of what is sent are left to who sends it last. Throws SysError. */
export function leaveChecksums(fd: number, link: string, isLeft: boolean): void {
  ask(fd, link, new Uint32Array([setTxChecksum, isLeft ? 1 : 0]));
}

/** `struct ethtool_value`, to which the second field of `struct ifreq` leads. Gives its data. */
function ask(fd: number, link: string, value: Uint32Array): number {
  const request = new Uint8Array(40);
  new TextEncoder().encodeInto(link, request.subarray(0, 15));
  new DataView(request.buffer).setBigUint64(16, BigInt(ptr(value)), true);
  ioctl(fd, siocEthtool, request);
  return value[1]!;
}

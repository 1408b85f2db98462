/** Tells network namespaces apart. Source: include/uapi/asm-generic/socket.h. */
import { getsockopt, SysError } from "./libc.ts";

const solSocket = 1;
const soNetnsCookie = 71;

/**
 * The number of the namespace that a socket belongs to, as digits: no other has it in this boot,
 * also when this one is gone, unlike its inode. Undefined before Linux 5.14. Throws SysError.
 */
export function netnsCookie(fd: number): string | undefined {
  try {
    const bytes = getsockopt(fd, solSocket, soNetnsCookie, 8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true).toString();
  } catch (error) {
    if (error instanceof SysError && error.code === "ENOPROTOOPT") return undefined;
    throw error;
  }
}

/** Who is at the other end of a Unix socket. Source: unix(7). */
import { getsockopt } from "./libc.ts";

/** The process that connected, or that listened, at the time when it did so. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

const solSocket = 1;
const soPeerCred = 17;

/** Credentials of the peer of a connected Unix socket, by the kernel's word. Throws SysError. */
export function peerCredentials(fd: number): PeerCredentials {
  const bytes = getsockopt(fd, solSocket, soPeerCred, 12);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    pid: view.getInt32(0, true),
    uid: view.getUint32(4, true),
    gid: view.getUint32(8, true),
  };
}

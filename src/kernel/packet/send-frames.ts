/** Sends Ethernet frames on a link. Source: packet(7), include/uapi/linux/if_packet.h. */
import { closeSync } from "../sys/files.ts";
import { sendTo, socket } from "../sys/libc.ts";

const afPacket = 17;
const sockRaw = 3;

/** Sends whole frames, header included, out of the link with this ifindex. Throws SysError. */
export function sendFrames(index: number, frames: readonly Uint8Array[]): void {
  // Protocol 0: it hears nothing.
  const fd = socket(afPacket, sockRaw, 0);
  try {
    const address = new Uint8Array(20);
    const view = new DataView(address.buffer);
    view.setUint16(0, afPacket, true);
    view.setInt32(4, index, true);
    for (const frame of frames) sendTo(fd, frame, address);
  } finally {
    closeSync(fd);
  }
}

/** Makes tap and tun links, as no request can. Source: include/uapi/linux/if_tun.h, tun.c. */
import { hostNetns } from "../model/kernel-object.ts";
import { openFilesIn } from "./netns/netns.ts";
import { closeSync } from "./sys/files.ts";
import { ioctl, SysError } from "./sys/libc.ts";

const device = "/dev/net/tun";
const readWrite = 2;
const nonBlocking = 0o4000;
/** `_IOW('T', number, int)`. */
const write = (number: number) => 0x400454_00 + number;
const operation = {
  setLink: write(202),
  persist: write(203),
  owner: write(204),
  group: write(206),
};
const flag = {
  tun: 0x0001,
  tap: 0x0002,
  multiQueue: 0x0100,
  noPacketInfo: 0x1000,
  mustBeNew: 0x8000,
} as const;

/** A tap that stays when its maker goes. */
export interface NewTap {
  readonly name: string;
  /** User and group that may open it; absent: only who administers the network. */
  readonly owner?: number;
  readonly group?: number;
  readonly multiQueue: boolean;
}

/** No tap could be made. `code` is the errno's name. */
export class TapError extends Error {
  override readonly name = "TapError";
  readonly code: string;

  constructor({ name }: { readonly name: string }, cause: SysError, action = "create tap") {
    super(`Cannot ${action} "${name}": ${explain(cause)}`, { cause });
    this.code = cause.code;
  }
}

function explain({ call, code }: SysError): string {
  if (call === "open" && ["ENOENT", "ENODEV", "ENXIO"].includes(code)) {
    return `there is no ${device}: load the module (modprobe tun), or give this container the device`;
  }
  if (code === "EBUSY") return "a link of that name exists already";
  return `${call}: ${code}`;
}

/** In the namespace at `netns`, down. It is there whole or not at all. Throws TapError. */
export function createTap(netns: string, tap: NewTap): void {
  // The kernel takes the namespace of who opens the device, not of who asks for the link.
  const [fd] = openFilesIn(netns, [device], readWrite);
  if (fd instanceof SysError) throw new TapError(tap, fd);
  try {
    ioctl(fd!, operation.setLink, requestOf(tap));
    if (tap.owner !== undefined) ioctl(fd!, operation.owner, tap.owner);
    if (tap.group !== undefined) ioctl(fd!, operation.group, tap.group);
    ioctl(fd!, operation.persist, 1);
  } catch (error) {
    throw error instanceof SysError ? new TapError(tap, error) : error;
  } finally {
    closeSync(fd!);
  }
}

/** A tun that stays, in the namespace at `netns`, down; as it is if there. Throws TapError. */
export function createTun(netns: string, name: string): void {
  closeSync(tunAt(netns, name, 0));
}

function requestOf({ name, multiQueue }: NewTap): Uint8Array {
  const flags = flag.tap | flag.noPacketInfo | flag.mustBeNew | (multiQueue ? flag.multiQueue : 0);
  return linkRequest(name, flags);
}

/**
 * Opens the tun of this name, where we are, for whole packets without waiting; made if absent. It
 * stays when we go, with its addresses and routes. The caller closes it. Throws TapError.
 */
export const openTun = (name: string): number => tunAt(hostNetns, name, nonBlocking);

function tunAt(netns: string, name: string, mode: number): number {
  const [fd] = openFilesIn(netns, [device], readWrite | mode);
  if (fd instanceof SysError) throw new TapError({ name }, fd, "open tun");
  try {
    ioctl(fd!, operation.setLink, linkRequest(name, flag.tun | flag.noPacketInfo));
    ioctl(fd!, operation.persist, 1);
    return fd!;
  } catch (error) {
    closeSync(fd!);
    throw error instanceof SysError ? new TapError({ name }, error, "open tun") : error;
  }
}

/** `struct ifreq`: the name in 16 bytes, then the flags. */
function linkRequest(name: string, flags: number): Uint8Array {
  const request = new Uint8Array(40);
  new TextEncoder().encodeInto(name, request.subarray(0, 15));
  new DataView(request.buffer).setUint16(16, flags, true);
  return request;
}

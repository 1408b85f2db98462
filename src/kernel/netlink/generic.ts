/**
 * Generic netlink: families that are found by name. Source: include/uapi/linux/genetlink.h,
 * net/netlink/genetlink.c.
 */
import { string, struct, u8, u16, u32 } from "./codec.ts";
import { NetlinkError } from "./error.ts";
import { decode, layout, nlmsg, request } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/** `struct genlmsghdr`: what every message of a generic family starts with. */
export const genericHeader = struct({ command: u8, version: u8, reserved: u16 });

/** The family that knows all others has the first number. */
const controller = nlmsg.firstFamily;
const getFamily = 3;

/** CTRL_ATTR_ attributes. */
export const familyLayout = layout(genericHeader, {
  id: [1, u16],
  name: [2, string],
  version: [3, u32],
  maxAttribute: [5, u32],
});

/** What the kernel lacks as long as a module is not loaded. `code` is the errno's name. */
export class MissingModuleError extends Error {
  override readonly name = "MissingModuleError";
  readonly module: string;
  readonly code: string;

  constructor(module: string, cause: NetlinkError) {
    super(
      `This kernel lacks ${module} (CONFIG_${module.toUpperCase()}): load the module ` +
        `(modprobe ${module}), or boot a kernel that has it`,
      { cause },
    );
    this.module = module;
    this.code = cause.code;
  }
}

/**
 * The number of a family, which is the type of its messages; the module of the family's name is
 * loaded by the kernel if it can be. Throws MissingModuleError, NetlinkError.
 */
export function familyId(socket: NetlinkSocket, name: string): number {
  const item = request(
    { op: `find the netlink family "${name}"`, type: controller, flags: 0, answered: true },
    familyLayout,
    { header: { command: getFamily, version: 1 }, attrs: { name } },
  );
  try {
    const [outcome] = socket.run([item]);
    return decode(outcome!.replies[0]!, familyLayout).attrs.id!;
  } catch (error) {
    const isMissing = error instanceof NetlinkError && error.code === "ENOENT";
    throw isMissing ? new MissingModuleError(name, error) : error;
  }
}

/** Names and hardware addresses, derived and so the same each time. */
import { readFileSync } from "../kernel/sys/files.ts";
import type { Attachment } from "../model/port.ts";

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

/** 16 hex digits that stand for an attachment. */
export function attachmentId({ containerId, ifName }: Attachment): string {
  // Neither part can hold a NUL, so no two pairs make one text.
  return sha256(`${containerId}\0${ifName}`).slice(0, 16);
}

/** The host's end of a pair: `nl` and 11 hex digits. */
export function hostLinkName(id: string): string {
  return `nl${id.slice(0, 11)}`;
}

/** What we write on a link that is ours. */
export function aliasOf(id: string): string {
  return `netloom:cni:${id}`;
}

/** The attachment that a mark of ours names; undefined for any other text. */
export function idOfAlias(alias: string | undefined): string | undefined {
  return /^netloom:cni:([0-9a-f]{16})$/.exec(alias ?? "")?.[1];
}

/** How this host differs from all others; empty where nothing tells. */
function machineId(): string {
  try {
    return readFileSync("/etc/machine-id");
  } catch {
    return "";
  }
}

let machine: string | undefined;

/** A locally administered unicast address, the same for one seed on one host. */
export function macOf(seed: string): string {
  machine ??= machineId();
  const digits = sha256(`${machine}\0${seed}`);
  return `02:${[0, 2, 4, 6, 8].map((i) => digits.slice(i, i + 2)).join(":")}`;
}

/**
 * The same for the host's end of a pair, as high as can be: a bridge that was given no address of
 * its own takes its ports' lowest, and must not change when we add a port.
 */
export function highMacOf(seed: string): string {
  return `fe${macOf(seed).slice(2)}`;
}

/** What we write on a link that attachments share. */
export const sharedAlias = "netloom:cni";

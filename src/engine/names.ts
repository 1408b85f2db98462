/** Names and hardware addresses, derived and so the same each time. */
import { readFileSync } from "../kernel/sys/files.ts";
import { hostNetns } from "../model/kernel-object.ts";
import type { Attachment } from "../model/port.ts";
import { type Instance, inProcess } from "./paths.ts";

/** 64 hex digits. */
export function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

/** Lower-case hexadecimal digits. */
export function sha512(text: string): string {
  return new Bun.CryptoHasher("sha512").update(text).digest("hex");
}

/** 16 hex digits that stand for an attachment of an instance. */
export function attachmentId(
  { instance = inProcess }: Instance,
  { containerId, ifName }: Attachment,
): string {
  // Neither part can hold a NUL, so no two attachments make one text.
  const whose = instance === inProcess ? "" : `${instance}\0`;
  return sha256(`${whose}${containerId}\0${ifName}`).slice(0, 16);
}

/**
 * What names of the host's ends of pairs begin with: `nl`, which a rule of ours drops routers'
 * advertisements from; of other instances `n` and 3 hex digits, so that the rule leaves them alone.
 */
export function hostLinkPrefix({ instance = inProcess }: Instance): string {
  return instance === inProcess ? "nl" : `n${sha256(instance).slice(0, 3)}`;
}

/** The host's end of a pair: 11 hex digits behind the instance's prefix. */
export function hostLinkName(owner: Instance, id: string): string {
  return hostLinkPrefix(owner) + id.slice(0, 11);
}

/** What we write on a link that attachments share. */
export function sharedAlias({ instance = inProcess }: Instance): string {
  return `netloom:${instance}`;
}

/** What we write on a link that is ours. */
export function aliasOf(owner: Instance, id: string): string {
  return `${sharedAlias(owner)}:${id}`;
}

/** The attachment of this instance that a mark names; undefined for any other text. */
export function idOfAlias(owner: Instance, alias: string | undefined): string | undefined {
  const [whose, id] = attachmentMark.exec(alias ?? "")?.slice(1) ?? [];
  return whose === sharedAlias(owner) ? id : undefined;
}

const attachmentMark = /^(netloom:[a-z0-9]{1,8}):([0-9a-f]{16})$/;

/** Whether a mark names an attachment, whichever instance's. */
export function marksAttachment(alias: string | undefined): boolean {
  return attachmentMark.test(alias ?? "");
}

/** Instances whose mark a link that attachments share bears; none on what Netloom did not make. */
export function sharersOf(alias: string | undefined): readonly string[] {
  const named = /^netloom:([a-z0-9]{1,8}(?:,[a-z0-9]{1,8})*)$/.exec(alias ?? "")?.[1];
  return named?.split(",") ?? [];
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
  return macFrom(sha256(`${machine}\0${seed}`));
}

const macFrom = (digits: string): string =>
  `02:${[0, 2, 4, 6, 8].map((i) => digits.slice(i, i + 2)).join(":")}`;

/** The same of a declared port on all hosts, by its object's uid. */
export const macOfPort = (uid: string): string => macFrom(sha256(`port ${uid}`));

/**
 * The same for the host's end of a pair, as high as can be: a bridge that was given no address of
 * its own takes its ports' lowest, and must not change when we add a port.
 */
export function highMacOf(seed: string): string {
  return `fe${macOf(seed).slice(2)}`;
}

/** A link of the host's as locks know it: its key among kernel objects. */
export const linkKey = (name: string): string => `link ${hostNetns} ${name}`;

/** Who holds what an attachment wants: for published ports. */
import { publishable } from "../drivers/portmap.ts";
import type { NftElement } from "../kernel/nft/nft.ts";
import type { KernelObject, NftElementObject, NftValue } from "../model/kernel-object.ts";
import { lookUp, TakenError } from "./apply-nft.ts";
import { ConflictError } from "./conflict.ts";
import type { KernelSession } from "./kernel-session.ts";
import { aliasOf } from "./names.ts";
import type { Paths } from "./paths.ts";
import { listRecords } from "./record.ts";

/**
 * A port published on every address and the same on one address have different keys, so the kernel
 * sees no conflict. Throws TakenError.
 */
export function refuseOverlaps(session: KernelSession, objects: readonly KernelObject[]): void {
  for (const object of objects) {
    if (object.kind !== "nft-element" || !object.set.startsWith("publish")) continue;
    const holder = object.set.endsWith("_at")
      ? lookUp(session, widened(object))
      : narrowerHolder(session, object);
    if (holder && holder.comment !== object.comment)
      throw new TakenError(object, holder, undefined);
  }
}

/** The element that publishes the same port on every address. */
function widened(element: NftElementObject): NftElementObject {
  return { ...element, set: element.set.replace("_at", ""), key: element.key.slice(1) };
}

/** An element that publishes the same port on one address. */
function narrowerHolder(session: KernelSession, element: NftElementObject): NftElement | undefined {
  const { family, table } = element;
  const wanted = JSON.stringify(element.key);
  try {
    return session.nft
      .elements({ family, table, set: `${element.set}_at` })
      .find(({ key }) => JSON.stringify(key.slice(1)) === wanted);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The error in the user's words: which port, and whose it is. Others pass as they are. */
export function explained(paths: Paths, error: unknown): unknown {
  if (!(error instanceof TakenError) || !error.element.set.startsWith("publish")) return error;
  const { key } = error.element;
  return new ConflictError(
    `Cannot publish port ${portText(key)}: ${holderText(paths, error.holder)} publishes it already. ` +
      "Take another host port, or detach that container first",
    { cause: error },
  );
}

/** `8080/tcp`, `192.0.2.1:8080/tcp`. */
function portText(key: readonly NftValue[]): string {
  let text = "";
  let protocol = "";
  for (const value of key) {
    if ("ipv4" in value) text += `${value.ipv4}:`;
    else if ("ipv6" in value) text += `[${value.ipv6}]:`;
    else if ("l4Port" in value) text += value.l4Port;
    else if ("proto" in value) protocol = protocolName(value.proto);
  }
  return `${text}/${protocol}`;
}

function protocolName(number: number): string {
  const found = Object.entries(publishable).find(([, value]) => value === number);
  return found?.[0] ?? String(number);
}

function holderText(paths: Paths, holder: NftElement | undefined): string {
  const record = listRecords(paths).find(({ id }) => aliasOf(id) === holder?.comment);
  if (!record) return "another container";
  return `container "${record.containerId}" (${record.ifName} on network "${record.network}")`;
}

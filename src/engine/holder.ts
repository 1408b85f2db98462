/** Who holds what an attachment wants: for published ports. */
import { publishable } from "../drivers/portmap.ts";
import type { NftElement, NftSetName } from "../kernel/nft/nft.ts";
import type { KernelObject, NftElementObject, NftValue } from "../model/kernel-object.ts";
import { TakenError } from "./apply-nft.ts";
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
  const published = objects.filter(isPublished);
  if (published.length === 0) return; // nftables need not even be loaded
  const anywhere = published.filter(({ set }) => !set.endsWith("_at"));
  const narrower = holdersOnOneAddress(session, anywhere);
  const wider = session.nft.find(published.filter(({ set }) => set.endsWith("_at")).map(widened));
  const holders = new Map<string, NftElement>();
  for (const holder of [...narrower, ...wider]) {
    if (holder && !holders.has(portKey(holder))) holders.set(portKey(holder), holder);
  }
  if (holders.size === 0) return;
  for (const object of published) {
    const holder = holders.get(portKey(object));
    if (holder && holder.comment !== object.comment) {
      throw new TakenError(object, holder, undefined);
    }
  }
}

function isPublished(object: KernelObject): object is NftElementObject {
  return object.kind === "nft-element" && object.set.startsWith("publish");
}

/** The element that publishes the same port on every address. */
function widened(element: NftElementObject): NftElementObject {
  return { ...element, set: element.set.replace("_at", ""), key: element.key.slice(1) };
}

/** Elements that publish a port on one address, of the families of `anywhere`. */
function holdersOnOneAddress(
  session: KernelSession,
  anywhere: readonly NftElementObject[],
): NftElement[] {
  const names = new Set(anywhere.map(({ set }) => `${set}_at`));
  return [...names].flatMap((set) => elementsOf(session, { ...anywhere[0]!, set }));
}

function elementsOf(session: KernelSession, set: NftSetName): NftElement[] {
  try {
    return session.nft.elements(set);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return [];
    throw error;
  }
}

/** Family, protocol and port of an element, whatever address it is on. */
function portKey({ set, key }: Pick<NftElement, "set" | "key">): string {
  const port = set.endsWith("_at") ? key.slice(1) : key;
  return `${set.replace("_at", "")} ${JSON.stringify(port)}`;
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
  const record = listRecords(paths).find(({ id }) => aliasOf(paths, id) === holder?.comment);
  if (!record) return "another container";
  return `container "${record.containerId}" (${record.ifName} on network "${record.network}")`;
}

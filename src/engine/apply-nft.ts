/** Puts elements into our nftables sets and maps, and takes out those that are ours. */
import type { NftChange, NftElement } from "../kernel/nft/nft.ts";
import type { NftChainObject, NftElementObject } from "../model/kernel-object.ts";
import type { NftTableSpec } from "../model/nft.ts";
import { ConflictError } from "./conflict.ts";
import type { KernelSession } from "./kernel-session.ts";

/** An attachment wants a key for itself alone that another has. */
export class TakenError extends ConflictError {
  readonly element: NftElement;
  /** What is there; undefined if it went a moment ago. */
  readonly holder: NftElement | undefined;

  constructor(element: NftElement, holder: NftElement | undefined, cause: unknown) {
    super(`Cannot add to nftables set "${element.set}": the key is taken`, { cause });
    this.element = element;
    this.holder = holder;
  }
}

/**
 * Adds elements in one transaction, all or none. Our tables and `chains`, the chains that elements
 * lead to, are installed first if they are missing, which is rare. Throws TakenError, NftError.
 */
export function addElements(
  session: KernelSession,
  elements: readonly NftElementObject[],
  chains: readonly NftChainObject[],
): void {
  const changes = elements.map(
    (element): NftChange => ({ op: "add", element, exclusive: element.life === "exclusive" }),
  );
  try {
    changeOrInstall(session, changes, chains);
  } catch (error) {
    const { code, index } = error as { code?: string; index?: number };
    const refused = index === undefined ? undefined : elements[index];
    if (code === "EEXIST" && refused)
      throw new TakenError(refused, lookUp(session, refused), error);
    throw error;
  }
}

/** Elements for which a look at our tables costs less than to be refused without them. */
const many = 100;

function changeOrInstall(
  session: KernelSession,
  changes: readonly NftChange[],
  chains: readonly NftChainObject[],
): void {
  // What is refused for each of so many elements had better be known before.
  const isThere = changes.length < many || session.nft.present(session.skeleton).every(Boolean);
  try {
    if (!isThere) session.nft.ensure(session.skeleton);
    session.nft.change(changes);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    session.nft.ensure(session.skeleton);
    session.nft.ensureChains(chains);
    session.nft.change(changes);
  }
}

/**
 * Adds elements that may be there already, those of attachments that exist, and makes the chains
 * that they lead to whole.
 */
export function reinstate(
  session: KernelSession,
  elements: readonly NftElementObject[],
  chains: readonly NftChainObject[],
): void {
  session.nft.ensure(session.skeleton);
  session.nft.ensureChains(chains);
  session.nft.change(elements.map((element): NftChange => ({ op: "add", element })));
}

/** Removes the elements of our sets and maps whose comment is doomed. Gives how many. */
export function removeMarked(
  session: KernelSession,
  isDoomed: (comment: string) => boolean,
): number {
  const doomed = listMarked(session, isDoomed);
  session.nft.change(doomed.map((element): NftChange => ({ op: "delete", element })));
  return doomed.length;
}

/** The elements of our sets and maps whose comment is meant. */
export function listMarked(
  session: KernelSession,
  isMeant: (comment: string) => boolean,
): NftElement[] {
  return session.skeleton
    .filter(({ family, name }) => session.nft.present([{ family, name }])[0])
    .flatMap((table) => [...table.sets, ...table.maps].map((set) => ({ table, set })))
    .flatMap(({ table, set }) => elementsOf(session, table.family, table.name, set.name))
    .filter(({ comment }) => comment !== undefined && isMeant(comment));
}

function elementsOf(
  session: KernelSession,
  family: NftTableSpec["family"],
  table: string,
  set: string,
): NftElement[] {
  try {
    return session.nft.elements({ family: family as NftElement["family"], table, set });
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Removes those of `elements` that bear their attachment's comment: the same key may have gone to
 * another attachment, or never have been ours.
 */
export function removeElements(
  session: KernelSession,
  elements: readonly NftElementObject[],
): void {
  const found = session.nft.find(elements);
  const ours = elements.filter((element, i) => found[i] && found[i].comment === element.comment);
  if (ours.length === 0) return;
  session.nft.change(ours.map((element): NftChange => ({ op: "delete", element })));
}

/** The element as it is; undefined if it, its set or its table is missing. */
export function lookUp(session: KernelSession, element: NftElementObject): NftElement | undefined {
  return session.nft.find([element])[0];
}

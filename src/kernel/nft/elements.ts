/** Elements of sets and maps: requests to the kernel and what its answers hold. */
import { DecodeError, Reader, Writer } from "../../lib/bytes.ts";
import type { NftData } from "../../model/kernel-object.ts";
import type { NftFamily, NftType } from "../../model/nft.ts";
import type { Attrs } from "../netlink/codec.ts";
import { decode, type Message, nlmF, type Request, request } from "../netlink/message.ts";
import type { NftElement, NftElementName } from "./nft.ts";
import { dataText, readValues, typesOfId, valuesText, writeValues } from "./value.ts";
import {
  comment,
  type dataAttrs,
  elementLayout,
  familyNumber,
  findComment,
  nftMsg,
  setFlag,
  setLayout,
  verdictCode,
  verdictDataType,
} from "./wire.ts";

/** Names a set or map of any family. */
export interface SetName {
  readonly family: NftFamily;
  readonly table: string;
  readonly set: string;
}

/** What a set's or map's elements are made of. */
export interface SetShape extends SetName {
  readonly key: readonly NftType[];
  /** Absent for a set. */
  readonly data: readonly NftType[] | "verdict" | undefined;
}

type Data = Attrs<typeof dataAttrs>;
type Written = (out: Writer) => void;

function bytesOf(write: Written): Uint8Array {
  const out = new Writer(64);
  write(out);
  return out.bytes;
}

/** `"tcp . 8080" of "inet netloom_cni publish4"`, for messages. */
export const elementLabel = (name: NftElementName) =>
  `"${valuesText(name.key)}" of "${name.family} ${name.table} ${name.set}"`;

const setLabel = (name: SetName) => `"${name.family} ${name.table} ${name.set}"`;

const header = (name: SetName) => ({ family: familyNumber[name.family] });

function writeData(data: NftData): Data {
  if ("values" in data) return { value: bytesOf((out) => writeValues(out, data.values)) };
  if ("verdict" in data) return { verdict: { code: verdictCode[data.verdict] } };
  return "goto" in data
    ? { verdict: { code: verdictCode.goto, chain: data.goto } }
    : { verdict: { code: verdictCode.jump, chain: data.jump } };
}

let lastComment: { readonly text: string; readonly bytes: Uint8Array } | undefined;

/** All elements of an attachment have the same. */
function commentBytes(text: string): Uint8Array {
  if (lastComment?.text !== text) {
    lastComment = { text, bytes: bytesOf((out) => comment.write(out, text)) };
  }
  return lastComment.bytes;
}

function elementRequest(
  head: Pick<Request, "op" | "type" | "flags" | "tolerate">,
  element: NftElementName & Partial<NftElement>,
): Request {
  const { data, comment: text } = element;
  const item = {
    key: { value: bytesOf((out) => writeValues(out, element.key)) },
    data: data && writeData(data),
    userdata: text === undefined ? undefined : commentBytes(text),
  };
  return request(head, elementLayout, {
    header: header(element),
    attrs: { table: element.table, set: element.set, elements: [item] },
  });
}

/** Adds an element. The same key with other data is refused with EEXIST. Throws RangeError. */
export function addElement(element: NftElement, exclusive = false): Request {
  const leads = element.data ? ` leading to "${dataText(element.data)}"` : "";
  const op = `add element ${elementLabel(element)}${leads}`;
  const flags = nlmF.create | (exclusive ? nlmF.excl : 0);
  return elementRequest({ op, type: nftMsg.newSetElem, flags }, element);
}

/** Deletes an element by key; a missing element, set or table is fine. Throws RangeError. */
export function deleteElement(name: NftElementName): Request {
  const op = `delete element ${elementLabel(name)}`;
  const { family, table, set, key } = name;
  const head = { op, type: nftMsg.delSetElem, flags: 0, tolerate: ["ENOENT"] };
  return elementRequest(head, { family, table, set, key });
}

/** Asks for one element by key. */
export function getElement(name: NftElementName): Request {
  const op = `look up element ${elementLabel(name)}`;
  const { family, table, set, key } = name;
  return elementRequest({ op, type: nftMsg.getSetElem, flags: 0 }, { family, table, set, key });
}

/** Asks, as a dump, for all elements. */
export function listElements(name: SetName): Request {
  const head = { op: `list elements of ${setLabel(name)}`, type: nftMsg.getSetElem, flags: 0 };
  return request(head, elementLayout, {
    header: header(name),
    attrs: { table: name.table, set: name.set },
  });
}

/** Asks for a set's shape. */
export function getSet(name: SetName): Request {
  const head = { op: `look up set ${setLabel(name)}`, type: nftMsg.getSet, flags: 0 };
  return request(head, setLayout, {
    header: header(name),
    attrs: { table: name.table, name: name.set },
  });
}

/**
 * The shape in an answer to `getSet`. Throws DecodeError for sets that others made of what we have
 * no types for: intervals, objects, other key types.
 */
export function readShape(message: Message, name: SetName): SetShape {
  const { attrs } = decode(message, setLayout);
  const flags = attrs.flags ?? 0;
  if (flags & (setFlag.interval | setFlag.object)) {
    throw new DecodeError(`set ${setLabel(name)} holds intervals or objects`, 0);
  }
  const types = (id: number | undefined): NftType[] => {
    const known = typesOfId(id ?? 0);
    if (known && known.length > 0) return known;
    throw new DecodeError(`set ${setLabel(name)} has type ${id}, which has no name here`, 0);
  };
  const { family, table, set } = name;
  const data = attrs.dataType === verdictDataType ? "verdict" : () => types(attrs.dataType);
  return {
    family,
    table,
    set,
    key: types(attrs.keyType),
    data: (flags & setFlag.map) === 0 ? undefined : data === "verdict" ? data : data(),
  };
}

/** The elements in an answer to `getElement` or `listElements`. Throws DecodeError. */
export function readElements(message: Message, shape: SetShape): NftElement[] {
  const { attrs } = decode(message, elementLayout);
  const { table, set } = shape;
  const family = shape.family as NftElement["family"];
  return (attrs.elements ?? []).map((item) => {
    if (item.flags || item.keyEnd) throw new DecodeError("an element is no single value", 0);
    const key = readValues(new Reader(item.key?.value ?? new Uint8Array()), shape.key);
    const data = shape.data && { data: readData(item.data ?? {}, shape.data) };
    const text = item.userdata && findComment(new Reader(item.userdata));
    const said = text === undefined ? undefined : { comment: text };
    return { kind: "nft-element", family, table, set, key, ...data, ...said };
  });
}

function readData(data: Data, type: readonly NftType[] | "verdict"): NftData {
  if (type !== "verdict") {
    return { values: readValues(new Reader(data.value ?? new Uint8Array()), type) };
  }
  const { code, chain } = data.verdict ?? {};
  if (code === verdictCode.accept) return { verdict: "accept" };
  if (code === verdictCode.drop) return { verdict: "drop" };
  if (chain !== undefined && code === verdictCode.goto) return { goto: chain };
  if (chain !== undefined && code === verdictCode.jump) return { jump: chain };
  throw new DecodeError(`verdict ${code} has no name here`, 0);
}

/** Watches a namespace's nftables: the kernel tells of every transaction's parts. */
import { DecodeError, Reader } from "../../lib/bytes.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import type { NftFamily } from "../../model/nft.ts";
import { string } from "../netlink/codec.ts";
import { decode, layout, type Message } from "../netlink/message.ts";
import { Watch } from "../netlink/watch.ts";
import { elementLayout, familyNumber, findComment, nftHeader, nftMsg } from "./wire.ts";

/** NFNLGRP_NFTABLES. Source: include/uapi/linux/netfilter/nfnetlink.h. */
const group = 7;

/** Some thousand rules or elements. */
const defaultBufferBytes = 8 << 20;

/** One part of a transaction that others made, or we. */
export type NftEvent =
  /** Changes were lost: look at everything again. */
  | { readonly kind: "resync" }
  | {
      readonly kind: "table" | "chain" | "rule" | "set";
      readonly gone: boolean;
      readonly family: NftFamily;
      readonly table: string;
    }
  | {
      readonly kind: "element";
      readonly gone: boolean;
      readonly family: NftFamily;
      readonly table: string;
      readonly set: string;
      /** Of each element that bears one. */
      readonly comments: readonly string[];
    };

/** Whose first attribute is the table's name, as for all of nftables' messages. */
const placed = layout(nftHeader, { table: [1, string] });

const kinds: Readonly<Record<number, readonly ["table" | "chain" | "rule" | "set", boolean]>> = {
  [nftMsg.newTable]: ["table", false],
  [nftMsg.delTable]: ["table", true],
  [nftMsg.newChain]: ["chain", false],
  [nftMsg.delChain]: ["chain", true],
  [nftMsg.newRule]: ["rule", false],
  [nftMsg.delRule]: ["rule", true],
  [nftMsg.newSet]: ["set", false],
  [nftMsg.delSet]: ["set", true],
};

const families = new Map(
  Object.entries(familyNumber).map(([name, number]) => [number, name as NftFamily]),
);

/** Watches from its construction on. Iterate it once, and dispose of it. */
export class NftMonitor implements AsyncIterable<NftEvent>, Disposable {
  readonly #watch: Watch;

  /** Watches the namespace at `netns`, by default ours. Throws SysError, NetnsError. */
  constructor(netns: string = hostNetns, bufferBytes: number = defaultBufferBytes) {
    this.#watch = new Watch({ protocol: "netfilter", groups: [group], netns, bufferBytes });
  }

  /** Ends the iteration. */
  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<NftEvent> {
    for await (const told of this.#watch) {
      if (told === "lost") {
        yield { kind: "resync" };
        continue;
      }
      for (const message of told) {
        const event = this.#read(message);
        if (event) yield event;
        if (this.#watch.closed) return;
      }
    }
  }

  #read(message: Message): NftEvent | undefined {
    try {
      return eventOf(message);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#watch.lose();
      return undefined;
    }
  }
}

function eventOf(message: Message): NftEvent | undefined {
  const { type } = message;
  if (type === nftMsg.newSetElem || type === nftMsg.delSetElem) {
    return elementEvent(message, type === nftMsg.delSetElem);
  }
  const [kind, gone] = kinds[type] ?? [];
  if (kind === undefined) return undefined;
  const { header, attrs } = decode(message, placed);
  const family = families.get(header.family);
  if (family === undefined || attrs.table === undefined) return undefined;
  return { kind, gone: gone!, family, table: attrs.table };
}

function elementEvent(message: Message, gone: boolean): NftEvent | undefined {
  const { header, attrs } = decode(message, elementLayout);
  const family = families.get(header.family);
  const { table, set, elements = [] } = attrs;
  if (family === undefined || table === undefined || set === undefined) return undefined;
  const comments = elements.flatMap(
    ({ userdata }) => (userdata && findComment(new Reader(userdata))) ?? [],
  );
  return { kind: "element", gone, family, table, set, comments };
}

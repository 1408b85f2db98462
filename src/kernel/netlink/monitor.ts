/** Watches a namespace: the kernel tells of every change as it happens. */
import { closeSync } from "node:fs";
import { DecodeError } from "../../lib/bytes.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import { openSocketIn } from "../netns/netns.ts";
import { bind, setsockopt } from "../sys/libc.ts";
import { type AddressInfo, readAddress } from "./address.ts";
import { type FdbEntryInfo, fdbEntryOf } from "./fdb.ts";
import { linkLayout } from "./link.ts";
import { type LinkInfo, linkOf } from "./link-info.ts";
import { decode, type Message, messages } from "./message.ts";
import { type NeighInfo, neighLayout, neighOf } from "./neigh.ts";
import { type RouteInfo, readRoute } from "./route-info.ts";
import { addressFamily, rtm } from "./rtm.ts";
import { type RuleInfo, readRule } from "./rule.ts";

/** What can be watched: RTNLGRP_ numbers. Source: include/uapi/linux/rtnetlink.h. */
const groupNumbers = {
  link: [1],
  neigh: [3], // forwarding entries of bridges too
  address: [5, 9],
  route: [7, 11],
  rule: [8, 19],
} as const;

export type MonitorGroup = keyof typeof groupNumbers;

/** One change. `gone`: it was removed, and this is what it was. */
export type MonitorEvent =
  /** Changes were lost: list everything again. Every change after that will be told. */
  | { readonly kind: "resync" }
  | { readonly kind: "link"; readonly gone: boolean; readonly link: LinkInfo }
  /** A link entered (or left) a bridge, or its settings as a port changed. */
  | { readonly kind: "bridgePort"; readonly gone: boolean; readonly index: number }
  | { readonly kind: "address"; readonly gone: boolean; readonly address: AddressInfo }
  | { readonly kind: "route"; readonly gone: boolean; readonly route: RouteInfo }
  | { readonly kind: "neigh"; readonly gone: boolean; readonly neigh: NeighInfo }
  | { readonly kind: "fdb"; readonly gone: boolean; readonly entry: FdbEntryInfo }
  | { readonly kind: "rule"; readonly gone: boolean; readonly rule: RuleInfo };

const afNetlink = 16;
const sockRawNonBlocking = 3 | 0o4000;
const solSocket = 1;
const soReceiveBufferForce = 33;
const solNetlink = 270;
const addMembership = 1;

/** About 3,000 changes of links may wait for us before the kernel drops some. */
const defaultBufferBytes = 8 << 20;

/**
 * Watches from its construction on: list after that, and no change is missed. Iterate it once,
 * and dispose of it.
 */
export class Monitor implements AsyncIterable<MonitorEvent>, Disposable {
  readonly #options: Required<MonitorOptions>;
  readonly #groups: readonly MonitorGroup[];
  #fd: number;
  #reader: ReturnType<typeof readerOf> | undefined;
  #closed = false;

  /** Watches the namespace at `netns`, by default ours. Throws SysError, NetnsError. */
  constructor(groups: readonly MonitorGroup[], options: MonitorOptions = {}) {
    this.#groups = groups;
    this.#options = { netns: hostNetns, bufferBytes: defaultBufferBytes, ...options };
    this.#fd = this.#open();
  }

  /** Ends the iteration. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader?.cancel().catch(() => {});
    closeSync(this.#fd);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<MonitorEvent> {
    while (!this.#closed) {
      // The stream reads a duplicate of the descriptor, and closes only that.
      const reader = readerOf(this.#fd);
      this.#reader = reader;
      try {
        yield* this.#events(reader);
      } catch (error) {
        if (this.#closed) return;
        if (!isLoss(error)) throw error;
      }
      if (this.#closed) return;
      this.#replace();
      yield { kind: "resync" };
    }
  }

  async *#events(reader: ReturnType<typeof readerOf>): AsyncGenerator<MonitorEvent, void> {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const message of messages(value)) {
        const event = eventOf(message);
        if (event) yield event;
        if (this.#closed) return;
      }
    }
  }

  /**
   * What still waits in the old socket is older than what was lost: told after a listing, it would
   * undo what the listing said.
   */
  #replace(): void {
    const old = this.#fd;
    this.#reader?.cancel().catch(() => {});
    this.#fd = this.#open();
    closeSync(old);
  }

  #open(): number {
    const fd = openSocketIn(this.#options.netns, {
      family: afNetlink,
      type: sockRawNonBlocking,
      protocol: 0,
    });
    try {
      setsockopt(fd, solSocket, soReceiveBufferForce, int32(this.#options.bufferBytes));
      // Unbound, it has the kernel's own number and is passed over.
      const address = new Uint8Array(12);
      address[0] = afNetlink;
      bind(fd, address);
      for (const group of this.#groups) {
        for (const number of groupNumbers[group]) {
          setsockopt(fd, solNetlink, addMembership, int32(number));
        }
      }
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
}

export interface MonitorOptions {
  readonly netns?: string;
  /** How much may wait for us. */
  readonly bufferBytes?: number;
}

function readerOf(fd: number) {
  return Bun.file(fd).stream().getReader();
}

/** The kernel dropped messages, or one did not fit. */
function isLoss(error: unknown): boolean {
  return error instanceof DecodeError || (error as { code?: string }).code === "ENOBUFS";
}

/** What a message of a watched group tells; undefined for those of no meaning here. */
function eventOf(message: Message): MonitorEvent | undefined {
  switch (message.type) {
    case rtm.newLink:
    case rtm.delLink:
      return linkEvent(message, message.type === rtm.delLink);
    case rtm.newAddress:
    case rtm.delAddress:
      return {
        kind: "address",
        gone: message.type === rtm.delAddress,
        address: readAddress(message),
      };
    case rtm.newRoute:
    case rtm.delRoute:
      return { kind: "route", gone: message.type === rtm.delRoute, route: readRoute(message) };
    case rtm.newNeigh:
    case rtm.delNeigh:
      return neighEvent(message, message.type === rtm.delNeigh);
    case rtm.newRule:
    case rtm.delRule:
      return { kind: "rule", gone: message.type === rtm.delRule, rule: readRule(message) };
    default:
      return undefined;
  }
}

function linkEvent(message: Message, gone: boolean): MonitorEvent {
  const decoded = decode(message, linkLayout);
  // A link that leaves its bridge is told as a deleted link of this family, and lives on.
  if (decoded.header.family === addressFamily.bridge) {
    return { kind: "bridgePort", gone, index: decoded.header.index };
  }
  return { kind: "link", gone, link: linkOf(decoded) };
}

function neighEvent(message: Message, gone: boolean): MonitorEvent {
  const decoded = decode(message, neighLayout);
  if (decoded.header.family === addressFamily.bridge) {
    return { kind: "fdb", gone, entry: fdbEntryOf(decoded) };
  }
  return { kind: "neigh", gone, neigh: neighOf(decoded) };
}

function int32(value: number): Uint8Array {
  return new Uint8Array([value, value >>> 8, value >>> 16, value >>> 24]);
}

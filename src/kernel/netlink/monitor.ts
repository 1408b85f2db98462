/** Watches a namespace: the kernel tells of every change as it happens. */
import { DecodeError } from "../../lib/bytes.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import { type AddressInfo, readAddress } from "./address.ts";
import { type FdbEntryInfo, fdbEntryOf } from "./fdb.ts";
import { linkLayout } from "./link.ts";
import { type LinkInfo, linkOf } from "./link-info.ts";
import { decode, type Message } from "./message.ts";
import { type NeighInfo, neighLayout, neighOf } from "./neigh.ts";
import { type NetconfInfo, readNetconf } from "./netconf.ts";
import { type RouteInfo, readRoute } from "./route-info.ts";
import { addressFamily, rtm } from "./rtm.ts";
import { type RuleInfo, readRule } from "./rule.ts";
import { Watch } from "./watch.ts";

/** What can be watched: RTNLGRP_ numbers. Source: include/uapi/linux/rtnetlink.h. */
const groupNumbers = {
  link: [1],
  neigh: [3], // forwarding entries of bridges too
  address: [5, 9],
  route: [7, 11],
  rule: [8, 19],
  netconf: [24, 25],
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
  | { readonly kind: "rule"; readonly gone: boolean; readonly rule: RuleInfo }
  | { readonly kind: "netconf"; readonly netconf: NetconfInfo };

/** About 3,000 changes of links may wait for us before the kernel drops some. */
const defaultBufferBytes = 8 << 20;

/**
 * Watches from its construction on: list after that, and no change is missed. Iterate it once,
 * and dispose of it.
 */
export class Monitor implements AsyncIterable<MonitorEvent>, Disposable {
  readonly #watch: Watch;

  /** Watches the namespace at `netns`, by default ours. Throws SysError, NetnsError. */
  constructor(groups: readonly MonitorGroup[], options: MonitorOptions = {}) {
    const numbers = groups.flatMap((group): readonly number[] => groupNumbers[group]);
    const { netns = hostNetns, bufferBytes = defaultBufferBytes } = options;
    this.#watch = new Watch({ protocol: "route", groups: numbers, netns, bufferBytes });
  }

  /** Ends the iteration. */
  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<MonitorEvent> {
    for await (const told of this.#watch) {
      if (told === "lost") yield { kind: "resync" };
      else yield* this.#events(told);
    }
  }

  *#events(told: readonly Message[]): Generator<MonitorEvent, void> {
    for (const message of told) {
      const event = this.#read(message);
      if (event) yield event;
      if (this.#watch.closed) return;
    }
  }

  #read(message: Message): MonitorEvent | undefined {
    try {
      return eventOf(message);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#watch.lose();
      return undefined;
    }
  }
}

export interface MonitorOptions {
  readonly netns?: string;
  /** How much may wait for us. */
  readonly bufferBytes?: number;
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
    case rtm.newNetconf:
      return netconfEvent(message);
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

function netconfEvent(message: Message): MonitorEvent | undefined {
  const netconf = readNetconf(message);
  return netconf && { kind: "netconf", netconf };
}

function neighEvent(message: Message, gone: boolean): MonitorEvent {
  const decoded = decode(message, neighLayout);
  if (decoded.header.family === addressFamily.bridge) {
    return { kind: "fdb", gone, entry: fdbEntryOf(decoded) };
  }
  return { kind: "neigh", gone, neigh: neighOf(decoded) };
}

/**
 * Routes that were learnt, in the kernel: protocol 108 with a metric of their own, by which we know
 * them again. What nobody confirmed after a new beginning goes only when that is over.
 */
import { NetlinkError } from "../kernel/netlink/error.ts";
import { type NextHop, removeRoute, replaceRoute } from "../kernel/netlink/route.ts";
import { getRoute, listRoutes, type RouteInfo } from "../kernel/netlink/route-info.ts";
import { mainTable, netloomProtocol } from "../kernel/netlink/rtm.ts";
import type { NetlinkSocket } from "../kernel/netlink/socket.ts";
import type { Log } from "../lib/log.ts";
import { formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import { routeMetric } from "../model/route-metric.ts";

interface Learnt {
  /** As they were told. */
  readonly nextHops: readonly string[];
  isStale: boolean;
}

export class LearntRoutes {
  readonly #socket: NetlinkSocket;
  readonly #log: Log;
  readonly #routes = new Map<string, Learnt>();

  /** Takes over what a process before this one left. Throws NetlinkError. */
  constructor(socket: NetlinkSocket, log: Log) {
    this.#socket = socket;
    this.#log = log;
    for (const route of this.#listed()) {
      const nextHops = waysOf(route).flatMap(({ gateway }) => gateway ?? []);
      this.#routes.set(route.dst, { nextHops, isStale: true });
    }
  }

  get size(): number {
    return this.#routes.size;
  }

  /** Whether one of them leads to all of the prefix. */
  covers(text: string): boolean {
    const prefix = parsePrefix(text);
    for (let { length } = prefix; length >= 0; length--) {
      if (this.#routes.has(formatPrefix(networkOf({ ...prefix, length })))) return true;
    }
    return false;
  }

  /** The prefix is reached by these, all of equal worth. */
  set(prefix: string, nextHops: readonly string[]): void {
    this.#routes.set(prefix, { nextHops: [...new Set(nextHops)].sort(), isStale: false });
    this.#program(prefix);
  }

  withdraw(prefix: string): void {
    if (!this.#routes.delete(prefix)) return;
    this.#socket.run([removeRoute({ dst: prefix, ...mark })]);
  }

  /** A daemon began anew: it knows nothing yet of what stands here. */
  doubtAll(): void {
    for (const route of this.#routes.values()) route.isStale = true;
  }

  /** The daemon has heard all that there is. Gives how many prefixes are gone. */
  sweep(): number {
    const gone = [...this.#routes].filter(([, { isStale }]) => isStale);
    for (const [prefix] of gone) this.withdraw(prefix);
    return gone.length;
  }

  /** Puts back what an outside hand changed or a link's going took. Gives how many. */
  repair(): number {
    const found = new Map(this.#listed().map((route) => [route.dst, waysText(waysOf(route))]));
    let repaired = 0;
    for (const [prefix, { nextHops }] of this.#routes) {
      const want = this.#resolve(nextHops);
      if (want.length === 0 || found.get(prefix) === waysText(want)) continue;
      this.#program(prefix);
      repaired++;
    }
    for (const prefix of found.keys()) {
      if (this.#routes.has(prefix)) continue;
      this.#socket.run([removeRoute({ dst: prefix, ...mark })]);
      repaired++;
    }
    return repaired;
  }

  /** Where no next hop can be reached now the route waits for `repair`. */
  #program(prefix: string): void {
    const ways = this.#resolve(this.#routes.get(prefix)!.nextHops);
    if (ways.length === 0) return;
    const [only] = ways;
    const by = ways.length === 1 ? only : { nextHops: ways };
    try {
      this.#socket.run([replaceRoute({ dst: prefix, ...mark, ...by })]);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.#log({ level: "warn", event: "learnt route not set", prefix, error: error.message });
    }
  }

  /**
   * A next hop that is not on a link of ours is reached as the kernel would reach it, but not by a
   * default route: who is behind that may know no better than to send the packet back.
   */
  #resolve(nextHops: readonly string[]): NextHop[] {
    return nextHops.flatMap((address) => {
      const route = getRoute(this.#socket, address);
      if (route?.type !== "unicast" || route.oif === undefined) return [];
      if (route.gateway === undefined) return [{ oif: route.oif, gateway: address }];
      const entry = getRoute(this.#socket, address, { isEntry: true });
      if (!entry || parsePrefix(entry.dst).length === 0) return [];
      return [{ oif: route.oif, gateway: route.gateway }];
    });
  }

  #listed(): RouteInfo[] {
    const ours = listRoutes(this.#socket, { table: mainTable, protocol: netloomProtocol });
    return ours.filter(({ priority, tos }) => priority === routeMetric.learnt && tos === 0);
  }
}

const mark = { table: mainTable, priority: routeMetric.learnt, protocol: netloomProtocol } as const;

const waysOf = ({ nextHops, oif, gateway }: RouteInfo): readonly NextHop[] =>
  nextHops ?? [{ oif, gateway }];

const waysText = (ways: readonly NextHop[]): string =>
  ways
    .map(({ oif, gateway }) => `${oif} ${gateway}`)
    .sort()
    .join();

/** What a segment must know, kept up to date: of very many ports few change at a time. Pure. */
import type { Endpoint } from "../../api/elsewhere.ts";
import type { SegmentEntries, SegmentEntry } from "../../engine/segment-entries.ts";
import { addresses, type Keyed, type Known, nameOf, segmentEntries, toldOf } from "./entries.ts";

type Port = Endpoint["spec"];

/** What was worked out last, while no two ports have an entry of one key. */
interface Last {
  readonly spec: Known["network"]["spec"];
  readonly own: string;
  /** By host. */
  readonly at: Map<string, string | undefined>;
  /** While a port says the same, its `spec` is the very same. */
  readonly ports: Set<Port>;
  readonly entries: Map<string, SegmentEntry>;
  /** By key: how many ports are on a host that is sent to. */
  readonly floods: Map<string, number>;
}

interface Segment {
  readonly entries: SegmentEntries;
  /** The only keys under which they are other than the last time; absent: any. */
  readonly changed?: ReadonlySet<string>;
}

export class SegmentView {
  #last: Last | undefined;

  /** As `segmentEntries`; what it gives changes with the next call. */
  update(known: Known): Segment {
    const last = this.#last;
    this.#last = undefined;
    const changed = last && heed(last, known);
    if (changed) {
      this.#last = last;
      return { entries: last.entries, changed };
    }
    const entries = segmentEntries(known);
    this.#last = plain(known, entries);
    return { entries };
  }
}

const ownOf = ({ own }: Known): string => JSON.stringify(own);

function hostsOf({ endpoints, network, peers }: Known): Map<string, string | undefined> {
  const addressOf = addresses({ network, peers });
  return new Map(endpoints.map(({ spec: { host } }) => [host, addressOf(host)]));
}

/** Undefined: keys are of more than one port, so that what goes with one may stay with another. */
function plain(known: Known, entries: Map<string, SegmentEntry>): Last | undefined {
  const { endpoints, network, own } = known;
  const here = new Set(own.map(({ name }) => name));
  if (endpoints.some((endpoint) => here.has(nameOf(endpoint)))) return undefined;
  const at = hostsOf(known);
  const last = {
    ...{ spec: network.spec, own: ownOf(known), at, entries },
    ports: new Set(endpoints.map(({ spec }) => spec)),
    floods: new Map<string, number>(),
  };
  let count = own.reduce((sum, port) => sum + port.addresses.length, 0);
  for (const port of last.ports) {
    const { flood, rest } = saidBy(last, port);
    count += rest.length;
    if (flood) last.floods.set(flood[0], (last.floods.get(flood[0]) ?? 0) + 1);
  }
  return count + last.floods.size === entries.size ? last : undefined;
}

function saidBy({ spec, at }: Pick<Last, "spec" | "at">, port: Port) {
  const address = at.get(port.host);
  if (address === undefined) return { rest: [] as readonly Keyed[] };
  const { flood, port: rest } = toldOf(port, address);
  return { rest, ...(spec.multicast !== false && { flood }) };
}

/** Gives the keys that may be others; undefined: all has to be worked out anew. */
function heed(last: Last, known: Known): Set<string> | undefined {
  const { network, endpoints, own } = known;
  if (network.spec !== last.spec || ownOf(known) !== last.own) return undefined;
  const at = hostsOf(known);
  for (const [host, address] of at) {
    if (last.at.has(host) && last.at.get(host) !== address) return undefined;
  }
  const come = endpoints.filter(({ spec }) => !last.ports.has(spec));
  const gone = goneFrom(last.ports, endpoints, come.length);
  const here = new Set(own.map(({ name }) => name));
  if (come.some((endpoint) => here.has(nameOf(endpoint)))) return undefined;
  const changed = new Set<string>();
  for (const port of gone) takeOut(last, port, changed);
  for (const [host, address] of at) last.at.set(host, address);
  const areAlone = come.every(({ spec }) => putIn(last, spec, changed));
  return areAlone ? changed : undefined;
}

function goneFrom(before: ReadonlySet<Port>, endpoints: readonly Endpoint[], come: number): Port[] {
  if (endpoints.length - come === before.size) return [];
  const now = new Set(endpoints.map(({ spec }) => spec));
  return [...before].filter((port) => !now.has(port));
}

function takeOut(last: Last, port: Port, changed: Set<string>): void {
  const { flood, rest } = saidBy(last, port);
  last.ports.delete(port);
  for (const [key] of rest) {
    last.entries.delete(key);
    changed.add(key);
  }
  if (!flood) return;
  const left = last.floods.get(flood[0])! - 1;
  if (left > 0) last.floods.set(flood[0], left);
  else {
    last.floods.delete(flood[0]);
    last.entries.delete(flood[0]);
    changed.add(flood[0]);
  }
}

/** False: another has an entry of the same key. */
function putIn(last: Last, port: Port, changed: Set<string>): boolean {
  const { flood, rest } = saidBy(last, port);
  last.ports.add(port);
  if (rest.some(([key]) => last.entries.has(key))) return false;
  const others = flood ? (last.floods.get(flood[0]) ?? 0) : 0;
  if (flood) last.floods.set(flood[0], others + 1);
  for (const [key, entry] of flood && others === 0 ? [flood, ...rest] : rest) {
    last.entries.set(key, entry);
    changed.add(key);
  }
  return true;
}

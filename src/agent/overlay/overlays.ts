/** All overlays of this host. To the agent each is an engine beside its own. */
import { rmSync } from "node:fs";
import type { Endpoint } from "../../api/elsewhere.ts";
import type { Host, Network } from "../../api/kinds/index.ts";
import {
  type OverlayPlace,
  overlayKey,
  overlayPlace,
  overlayPlaces,
} from "../../engine/overlay-place.ts";
import type { AttachmentRecord } from "../../engine/record.ts";
import type { RepairReport } from "../../engine/repair.ts";
import type { ResidentEngine } from "../../engine/resident.ts";
import type { Log } from "../../lib/log.ts";
import { engineNetwork } from "../network-config.ts";
import type { PortRecord } from "../port-records.ts";
import type { FoundBy } from "../repairs.ts";
import type { SpecChange } from "../spec/node-spec.ts";
import { Overlay } from "./overlay.ts";
import { isOverlay } from "./segment-config.ts";

type OnLook = (report: RepairReport, foundBy: FoundBy, overlay: string) => Promise<void>;

export class Overlays implements AsyncDisposable {
  readonly #main: ResidentEngine;
  readonly #log: Log;
  readonly #open = new Map<string, Overlay>();
  /** Those that are on their way out. */
  readonly #going = new Map<string, Promise<void>>();
  /** Keys of those of which something is news; undefined: it may be of any. */
  #news: Set<string> | undefined;
  #unreached: readonly string[] = [];
  #isWatching = false;
  /** Told of each look at an overlay's attachments. */
  onLook: OnLook = async () => {};
  /** There is something to bring in line. */
  onNews: () => void = () => {};

  constructor(main: ResidentEngine, log: Log) {
    this.#main = main;
    this.#log = log;
  }

  /** They stay as they are, for the next agent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.values()].map((overlay) => overlay.close()));
    this.#open.clear();
  }

  /** Opens those that an earlier agent left. Throws NetnsError. */
  load(): void {
    for (const place of overlayPlaces(this.#main.paths)) this.#openAt(place);
  }

  /** Repairs what is in them from now on. */
  watch(): void {
    this.#isWatching = true;
    for (const overlay of this.#open.values()) overlay.watch();
  }

  /** That of a network, which is made where there is none. Throws NetnsError. */
  of({ metadata }: Pick<Network, "metadata">): Overlay {
    return this.at(overlayKey(metadata.uid));
  }

  /** By its key. Throws NetnsError. */
  at(key: string): Overlay {
    return this.#open.get(key) ?? this.#openAt(overlayPlace(this.#main.paths, key));
  }

  #openAt(place: OverlayPlace): Overlay {
    const overlay = new Overlay(place, this.#log);
    this.#open.set(place.key, overlay);
    overlay.repairs.onLook = async (report, foundBy) => {
      // The kernel tells nobody of entries that an outside hand takes.
      if (foundBy === "pass") overlay.distrust();
      // What was taken of its links is put back with all that they knew.
      this.touch(place.key);
      await this.onLook(report, foundBy, place.key);
    };
    if (this.#isWatching) overlay.watch();
    return overlay;
  }

  all(): Overlay[] {
    return [...this.#open.values()];
  }

  /** The engine of an attachment; without its port's record the one that has its own. */
  engineOf(id: string, record: Pick<PortRecord, "overlay"> | undefined): ResidentEngine {
    if (record) return record.overlay === undefined ? this.#main : this.at(record.overlay).engine;
    const has = ({ engine }: Overlay) => engine.records().some((one) => one.id === id);
    return this.all().find(has)?.engine ?? this.#main;
  }

  /** The engine for ports of a network. Throws NetnsError. */
  engineFor(network: Network): ResidentEngine {
    return isOverlay(network) ? this.of(network).engine : this.#main;
  }

  /** The agent's own engine, and theirs. */
  engines(): ResidentEngine[] {
    return [this.#main, ...this.all().map(({ engine }) => engine)];
  }

  records(): AttachmentRecord[] {
    return this.engines().flatMap((engine) => engine.records());
  }

  /** As `ResidentEngine.unreadable`, of all. */
  unreadable(): Map<string, string> {
    return new Map(this.engines().flatMap((engine) => [...engine.unreadable()]));
  }

  /** Something of it is to be brought in line. */
  touch(key: string | undefined): void {
    if (key === undefined) return;
    this.#news?.add(key);
    this.onNews();
  }

  /** Hosts that encrypted networks do not reach, a sentence each: told once. */
  noteUnreached(unreached: readonly string[]): void {
    for (const error of unreached) {
      if (!this.#unreached.includes(error)) {
        this.#log({ level: "warn", event: "host not reached", error });
      }
    }
    this.#unreached = unreached;
  }

  /** All of them are. */
  touchAll(): void {
    this.#news = undefined;
    if (this.#open.size > 0) this.onNews();
  }

  /** Takes in what has changed of the node spec. */
  heed(changes: readonly SpecChange[]): void {
    for (const change of changes) {
      const about = concerns(change);
      if (about === "all") this.#news = undefined;
      else if (about !== undefined) {
        const overlay = this.all().find(({ network }) => network === about);
        if (overlay) this.#news?.add(overlay.place.key);
      }
    }
    if (this.#news?.size !== 0 && this.#open.size > 0) this.onNews();
  }

  /** Those of which something is news since it was last asked. */
  takeNews(): Overlay[] {
    const news = this.#news;
    this.#news = new Set();
    return this.all().filter(({ place }) => !news || news.has(place.key));
  }

  /** Takes one away that nothing is in. Throws NetnsError; then the next agent finds it. */
  async drop(overlay: Overlay): Promise<void> {
    const { key } = overlay.place;
    this.#open.delete(key);
    const going = removeWhole(overlay);
    // Who waits needs to know only that it is over.
    const over = going.catch(() => {});
    this.#going.set(key, over);
    try {
      await going;
    } finally {
      this.#going.delete(key);
    }
  }

  /** Waits until the network's is not on its way out. */
  async whenStaying({ metadata }: Pick<Network, "metadata">): Promise<void> {
    await this.#going.get(overlayKey(metadata.uid));
  }
}

async function removeWhole(overlay: Overlay): Promise<void> {
  const { stateDir, runDir } = overlay.place.paths;
  await overlay.remove();
  for (const dir of [stateDir, runDir]) rmSync(dir, { recursive: true, force: true });
}

/** The network that a change is about, as the engine knows it; `all`: it may be about any. */
function concerns({ key, object, previous }: SpecChange): string | undefined {
  const plural = key.slice(0, key.indexOf("/"));
  if (plural === "hostpeers") return "all";
  if (plural === "networks") return engineNetwork((object ?? previous) as Network);
  if (plural === "hosts") {
    const underlay = (host: SpecChange["object"]) => (host as Host | undefined)?.status?.underlay;
    return Bun.deepEquals(underlay(object), underlay(previous)) ? undefined : "all";
  }
  if (plural !== "endpoints") return undefined;
  return ((object ?? previous) as Endpoint).spec.network.replace("/", ".");
}

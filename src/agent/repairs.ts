/** Puts back what an outside hand takes of this host's attachments, and counts it. */
import type { Drift } from "../engine/drift.ts";
import type { RepairReport } from "../engine/repair.ts";
import type { ResidentEngine } from "../engine/resident.ts";
import type { Log } from "../lib/log.ts";

const pauseMs = 1_000;
/** What can't be put back would fill the log with each pass. */
const quietMs = 60_000;

export type FoundBy = "notice" | "pass";

export class Repairs {
  readonly #engine: ResidentEngine;
  readonly #log: Log;
  /** Told of each look; `foundBy`: told by the kernel at once, or found by a look at everything. */
  onLook: (report: RepairReport, foundBy: FoundBy) => Promise<void> = async () => {};
  readonly #told = new Map<string, number>();
  #drift: Drift | undefined;
  #count = 0;
  #isStopped = false;

  constructor(engine: ResidentEngine, log: Log) {
    this.#engine = engine;
    this.#log = log;
  }

  /** Attachments that were not as recorded, since the agent began. */
  get count(): number {
    return this.#count;
  }

  /** Repairs what is noticed, until stopped. Never throws. */
  async follow(): Promise<void> {
    while (!this.#isStopped) {
      try {
        using drift = await this.#engine.drift();
        this.#drift = drift;
        // It may have been stopped while the watch began.
        if (this.#isStopped) return;
        // Before it was watched anything may have changed.
        await this.pass();
        for await (const notice of drift) {
          await this.#take(await this.#engine.repairTouched(notice), "notice");
        }
      } catch (error) {
        this.#log({ level: "error", event: "drift not watched", error: String(error) });
        if (!this.#isStopped) await Bun.sleep(pauseMs);
      } finally {
        this.#drift = undefined;
      }
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#drift?.[Symbol.dispose]();
  }

  /** Attachments came or went: their containers are watched from now on. */
  attachmentsChanged(): void {
    const blind = this.#drift ? this.#engine.follow(this.#drift) : [];
    for (const netns of blind) this.#tell(netns, { level: "warn", event: "not watched", netns });
  }

  /** A look at everything: not all changes are told of. Throws as `repairAll`. */
  readonly pass = async (): Promise<void> => {
    await this.#take(await this.#engine.repairAll(), "pass");
  };

  async #take(report: RepairReport, foundBy: FoundBy): Promise<void> {
    const { repaired, failed, restored } = report;
    this.#count += repaired.length + restored;
    for (const { id: _, ...what } of repaired) {
      this.#log({ level: "warn", event: "repaired", foundBy, ...what });
    }
    if (restored > 0) {
      this.#log({ level: "warn", event: "rules restored", foundBy, attachments: restored });
    }
    for (const { id, containerId, ifName, error } of failed) {
      const about = { containerId, ifName, error: String(error) };
      this.#tell(id, { level: "error", event: "not repaired", ...about });
    }
    await this.onLook(report, foundBy);
  }

  /** Once a minute for each. */
  #tell(key: string, event: Parameters<Log>[0]): void {
    const now = performance.now();
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < quietMs) return;
    this.#told.set(key, now);
    this.#log(event);
  }
}

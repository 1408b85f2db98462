/** The last node spec on disk: a file an object, so one change among thousands is one write. */
import type { ApiObject } from "../../api/object.ts";
import { sha256 } from "../../engine/names.ts";
import { existsSync, FileError, removeSync } from "../../kernel/sys/files.ts";
import { namesIfThere, readIfThere, replaceFile } from "../../kernel/sys/whole-file.ts";
import type { Log } from "../../lib/log.ts";
import type { SpecChange } from "./node-spec.ts";

/** More changes than so many a second wait: containers must not wait for thousands of files. */
const mostAtOnce = 64;
const calmMs = 1000;
/** So long others wait for what is written between. */
const sliceMs = 5;

/** There is a whole spec; it is not there while a change is yet to be written. */
const completeMark = "complete";

export class SpecFolder {
  readonly #folder: string;
  readonly #log: Log;
  /** What could not be written yet, by key. */
  readonly #unwritten = new Map<string, SpecChange>();
  #isWhole = false;
  #failure: string | undefined;
  /** Changes until then. */
  #lately = 0;
  #calmAgainMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Why the disk is behind what is known; undefined: it is not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** What was kept. With a file that can't be read it is no whole: nothing is deleted by it. */
  load(): { readonly objects: readonly ApiObject[]; readonly isComplete: boolean } {
    this.#isWhole = existsSync(`${this.#folder}/${completeMark}`);
    let isComplete = this.#isWhole;
    const objects = namesIfThere(this.#folder).flatMap((name): ApiObject[] => {
      if (!name.endsWith(".json")) return [];
      const path = `${this.#folder}/${name}`;
      try {
        return [JSON.parse(readIfThere(path) ?? "") as ApiObject];
      } catch (error) {
        isComplete = false;
        this.#log({ level: "warn", event: "spec file unreadable", path, error: String(error) });
        return [];
      }
    });
    return { objects, isComplete };
  }

  /**
   * Writes changes, now or, where that can't be, with a later call; very many little by little, as
   * soon as all have come. `isWhole`: they have.
   */
  keep(changes: readonly SpecChange[], isWhole: boolean): void {
    this.#isWhole ||= isWhole;
    for (const change of changes) this.#unwritten.set(change.key, change);
    if (this.#isCalm(changes.length)) this.retry();
    else if (this.#isWhole) this.#writeSoon();
  }

  #isCalm(more: number): boolean {
    const nowMs = performance.now();
    if (nowMs >= this.#calmAgainMs) {
      this.#calmAgainMs = nowMs + calmMs;
      this.#lately = 0;
    }
    this.#lately += more;
    return this.#lately <= mostAtOnce;
  }

  /** Writes what could not be written before. */
  retry(): void {
    if (this.#timer) return;
    if (this.#unwritten.size <= mostAtOnce) this.#attempt(Number.POSITIVE_INFINITY);
    else if (this.#isWhole) this.#writeSoon();
  }

  /** All that is left, and no more after that. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#attempt(Number.POSITIVE_INFINITY);
  }

  #writeSoon(): void {
    if (this.#timer) return;
    this.#unmark();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#attempt(performance.now() + sliceMs);
      if (this.#unwritten.size > 0 && this.#failure === undefined) this.#writeSoon();
    }, 0);
  }

  #attempt(endMs: number): void {
    try {
      for (const change of this.#unwritten.values()) {
        this.#write(change);
        this.#unwritten.delete(change.key);
        if (performance.now() >= endMs) break;
      }
      if (this.#unwritten.size === 0) this.#mark();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#unmark();
      this.#tell(error.message);
      return;
    }
    this.#tell(undefined);
  }

  #write({ key, object }: SpecChange): void {
    const path = `${this.#folder}/${sha256(key).slice(0, 24)}.json`;
    if (object) replaceFile(path, JSON.stringify(object));
    else removeSync(path);
  }

  #mark(): void {
    const path = `${this.#folder}/${completeMark}`;
    if (this.#isWhole && !existsSync(path)) replaceFile(path, "");
  }

  /** By a spec that lacks something an agent that starts anew must delete nothing. */
  #unmark(): void {
    try {
      removeSync(`${this.#folder}/${completeMark}`);
    } catch (error) {
      // A read-only disk keeps the mark, too.
      if (!(error instanceof FileError)) throw error;
    }
  }

  /** Once when it begins to fail, and once when it is over. */
  #tell(failure: string | undefined): void {
    if (failure !== undefined && this.#failure === undefined) {
      this.#log({ level: "error", event: "node spec not kept on disk", error: failure });
    }
    if (failure === undefined && this.#failure !== undefined) {
      this.#log({ level: "info", event: "node spec kept on disk again" });
    }
    this.#failure = failure;
  }
}

/** The state of this host's blocks on disk, a file each: what is read there is what holds. */
import { checkAllocation } from "../../api/kinds/allocation-check.ts";
import { beginSync } from "../../engine/host-local/durable.ts";
import type { BlockAllocation } from "../../ipam/block-allocation.ts";
import type { HolderStep } from "../../ipam/block-holder.ts";
import { FileError, removeSync, renameSync } from "../../kernel/sys/files.ts";
import { namesIfThere, readIfThere, replaceFile } from "../../kernel/sys/whole-file.ts";
import type { Begun } from "../../lib/begun.ts";
import type { Log } from "../../lib/log.ts";

const forgottenFile = "forgotten";
/** Behind the name of what can't be read. */
const damagedEnd = ".damaged";

export class BlockFolder {
  readonly #folder: string;
  readonly #blocks = new Map<string, BlockAllocation>();
  /** Blocks of which something was freed that the disk does not know. */
  readonly #behind = new Set<string>();
  /** What could not be read and is yet to be replaced, in words, by the file's name. */
  readonly #damaged = new Map<string, string>();
  readonly #log: Log;
  #forgotten: number;

  /** What can't be read is put aside, and told. Throws FileError for the folder itself. */
  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
    for (const name of namesIfThere(folder)) {
      if (!name.endsWith(".json")) continue;
      const state = this.#read(name, (text) => blockIn(text, name));
      if (state) this.#blocks.set(state.block, state);
    }
    this.#forgotten = this.#read(forgottenFile, revisionIn) ?? Number.POSITIVE_INFINITY;
  }

  /** Undefined for what can't be read. */
  #read<T>(name: string, parse: (text: string | undefined) => T): T | undefined {
    const path = `${this.#folder}/${name}`;
    try {
      return parse(readIfThere(path));
    } catch (error) {
      const { message } = error as Error;
      const aside = `${path}${damagedEnd}`;
      renameSync(path, aside);
      this.#log({ level: "error", event: "block file unreadable", path, aside, error: message });
      this.#damaged.set(name, `"${path}" can't be read (${message}) and is "${aside}" now`);
      return undefined;
    }
  }

  /** Files that could not be read, in words, until what they held is known again. */
  get damage(): readonly string[] {
    return [...this.#damaged.values()];
  }

  /** Infinite where it is not known: then no view opens a block. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** What the store had at this revision is past: it makes up for a `forgotten` that is lost. */
  passed(revision: number): void {
    if (!this.#damaged.has(forgottenFile)) return;
    this.#writeForgotten(revision);
    this.#damaged.delete(forgottenFile);
  }

  /** Whether the block's file could not be read, and none has taken its place. */
  misses(block: string): boolean {
    return this.#damaged.has(fileOf(block)) && !this.#blocks.has(block);
  }

  /** These blocks alone are this host's: files of others are missed no more. */
  missOnly(blocks: readonly string[]): void {
    for (const name of this.#damaged.keys()) {
      const isMissed = name === forgottenFile || blocks.includes(blockOf(name));
      if (!isMissed) this.#damaged.delete(name);
    }
  }

  get blocks(): readonly BlockAllocation[] {
    return [...this.#blocks.values()];
  }

  /** Survives our own end at once, the machine's once `sync` is done. Throws FileError. */
  write(state: BlockAllocation): void {
    replaceFile(this.#pathOf(state.block), JSON.stringify(state));
    this.#blocks.set(state.block, state);
    this.#behind.delete(state.block);
    if (state.reopenedFrom === undefined) this.#damaged.delete(fileOf(state.block));
  }

  /**
   * Of a state in which addresses are free that were not. Where the disk takes nothing it is
   * written later: an agent that starts anew frees what nobody holds, so nobody is harmed.
   */
  writeFreed(state: BlockAllocation): void {
    this.#blocks.set(state.block, state);
    this.#behind.add(state.block);
    this.retry();
  }

  /** Writes what could not be written before. Gives why that fails; undefined: it does not. */
  retry(): string | undefined {
    try {
      for (const block of this.#behind) this.write(this.#blocks.get(block)!);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return error.message;
    }
    return undefined;
  }

  /** Begins to write these blocks to the disk. */
  sync(blocks: readonly string[]): Begun {
    return beginSync([...blocks.map((block) => this.#pathOf(block)), this.#folder]);
  }

  /** Takes a step, durably. Throws FileError, StoreError. */
  take(step: HolderStep): void {
    if (step.kind === "write") {
      this.write(step.state);
      this.sync([step.state.block]).finish();
      return;
    }
    if (step.revision > this.#forgotten) this.#writeForgotten(step.revision);
    removeSync(this.#pathOf(step.block));
    this.#blocks.delete(step.block);
    this.#behind.delete(step.block);
  }

  #writeForgotten(revision: number): void {
    const path = `${this.#folder}/${forgottenFile}`;
    replaceFile(path, String(revision));
    beginSync([path, this.#folder]).finish();
    this.#forgotten = revision;
  }

  #pathOf(block: string): string {
    return `${this.#folder}/${fileOf(block)}`;
  }
}

/** Names hold letters, digits, dots and hyphens only. */
const fileOf = (block: string) => `${block}.json`;
const blockOf = (file: string) => file.slice(0, -".json".length);

/** Throws SyntaxError, RangeError. */
function blockIn(text = "", file: string): BlockAllocation {
  const state = JSON.parse(text) as BlockAllocation;
  const [fault] = checkAllocation({ spec: state, status: { allocation: state } });
  if (fault) throw new RangeError(`${fault.path} ${fault.message}`);
  if (fileOf(state.block) !== file) throw new RangeError(`It is of block "${state.block}"`);
  return state;
}

/** Throws RangeError. */
function revisionIn(text = "0"): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RangeError(`"${text.slice(0, 20)}" is no revision`);
}

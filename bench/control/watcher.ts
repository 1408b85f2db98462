/** A client that watches, as an agent does, and remembers what came and when. */
import { initialEventsEnd } from "../../src/api/node-spec.ts";
import type { Served } from "./served.ts";

export interface Seen {
  readonly type: string;
  readonly object: any;
}

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>;
  cancel(): Promise<void>;
}

export class Watcher {
  readonly path: string;
  /** Of the initial events. */
  initialLines = 0;
  initialBytes = 0;
  /** When the last bytes came: performance.now(). */
  lastAt = 0;
  #hasSynced = true;
  #text = "";
  #whenSynced = () => {};
  #whenSome = () => {};
  #reader: Reader | undefined;
  #ended: Promise<void> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Begins to watch; gives when all initial events came. */
  async open(served: Served): Promise<void> {
    const synced = new Promise<void>((resolve) => {
      this.#whenSynced = resolve;
    });
    this.#hasSynced = false;
    await this.follow(served);
    await synced;
  }

  /** Begins to watch for what changes. */
  async follow(served: Served): Promise<void> {
    const response = await served.send("GET", this.path);
    if (!response.ok) throw new Error(`GET ${this.path}: ${await response.text()}`);
    this.#reader = response.body!.getReader();
    this.#ended = this.#read();
  }

  /** When something came that was not taken yet. */
  some(): Promise<void> {
    if (this.#text !== "") return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenSome = resolve;
    });
  }

  /** What came since it was last asked, bookmarks apart. */
  take(): Seen[] {
    const lines = this.#text.split("\n").slice(0, -1);
    this.#text = "";
    return lines.map((line) => JSON.parse(line)).filter(({ type }) => type !== "BOOKMARK");
  }

  async close(): Promise<void> {
    await this.#reader?.cancel();
    await this.#ended;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await this.#reader!.read();
      if (done) return;
      this.lastAt = performance.now();
      const text = decoder.decode(value, { stream: true });
      if (this.#hasSynced) {
        this.#text += text;
        this.#whenSome();
      } else this.#sync(text);
    }
  }

  #sync(text: string): void {
    this.initialLines += text.split("\n").length - 1;
    this.initialBytes += text.length;
    if (!text.includes(initialEventsEnd)) return;
    this.#hasSynced = true;
    this.#whenSynced();
  }
}

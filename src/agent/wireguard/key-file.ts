/**
 * A host's WireGuard key: made on the host, kept in a file that only root may read, and never told
 * but for its public part.
 */
import { beginSync } from "../../engine/host-local/durable.ts";
import { readIfThere, replaceFile } from "../../kernel/sys/whole-file.ts";
import { parentOf } from "../../lib/path.ts";
import { type KeyPair, keyPairOf, newKeyPair } from "./key-pair.ts";

/** What stands in the file is no key. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";
  readonly path: string;

  constructor(path: string) {
    super(
      `"${path}" holds no WireGuard key (base64 of 32 bytes): put back a copy of it, or remove ` +
        "it, and the host makes a new one",
    );
    this.path = path;
  }
}

export class KeyFile {
  readonly #path: string;
  /** What the last rotation was asked for by. */
  readonly #asked: string;

  /** `stateDir`: the agent's. */
  constructor(stateDir: string) {
    this.#path = `${stateDir}/wireguard/private-key`;
    this.#asked = `${stateDir}/wireguard/rotated-for`;
  }

  /** The host's key; the first time it is made. Throws FileError, StoreError, KeyFileError. */
  async load(): Promise<KeyPair> {
    const text = readIfThere(this.#path);
    if (text === undefined) return this.rotate();
    const pair = await keyPairOf(text.trim());
    if (!pair) throw new KeyFileError(this.#path);
    return pair;
  }

  /**
   * A new key, unless this text asked for the one that is there: undefined then. One that was cut
   * short is done again. Throws as `rotate`.
   */
  async rotateFor(asked: string): Promise<KeyPair | undefined> {
    if (readIfThere(this.#asked) === asked) return undefined;
    const pair = await this.rotate();
    replaceFile(this.#asked, asked);
    beginSync([this.#asked]).finish();
    return pair;
  }

  /** A new key in the place of the old, on disk first. Throws FileError, StoreError. */
  async rotate(): Promise<KeyPair> {
    const pair = await newKeyPair();
    replaceFile(this.#path, `${pair.privateKey}\n`);
    beginSync([this.#path, parentOf(this.#path)]).finish();
    return pair;
  }
}

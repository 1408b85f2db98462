/** Leases on disk: a file each, whole or not there, so that no end of the daemon loses one. */

import { Background } from "../../kernel/sys/background.ts";
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  removeSync,
} from "../../kernel/sys/files.ts";
import { namesIfThere, replaceFile } from "../../kernel/sys/whole-file.ts";
import type { DhcpFamily, LeaseHolder } from "../../model/dhcp.ts";
import { integer, object, oneOf, record, text } from "../../model/parse.ts";
import type { ClientOrder, ClientState } from "../protocol.ts";
import { StoreError } from "./error.ts";

const version = 1;

/** A lease as it is remembered. */
export interface LeaseRecord {
  readonly version: typeof version;
  /** The boot in which its namespace was made. */
  readonly boot: string;
  readonly holder: LeaseHolder;
  readonly family: DhcpFamily;
  /** Which namespace its path named: another may get the same path. */
  readonly netnsIdentity: string;
  readonly order: ClientOrder<unknown>;
  /** Absent while a lost lease is asked for again. */
  readonly state?: ClientState;
}

/** 16 hex digits that stand for a holder. */
export function holderId({ containerId, ifName, network }: LeaseHolder): string {
  // No part can hold a NUL, so no two holders make one text.
  const words = [containerId, ifName, network].join("\0");
  return new Bun.CryptoHasher("sha256").update(words).digest("hex").slice(0, 16);
}

/** A lease's name: its holder's and its family's. */
export function leaseKey(holder: LeaseHolder, family: DhcpFamily): string {
  return `${holderId(holder)}.v${family}`;
}

const shape = object({
  version: integer(version, version),
  boot: text,
  holder: object({ containerId: text, ifName: text, network: text }),
  netnsIdentity: text,
  order: object({
    clientId: text,
    link: object({ netns: text, name: text, index: integer(1, 0x7fffffff), mac: text }),
    wishes: record,
  }),
});
const families = oneOf("4", "6");

/** The folder of leases. */
export class LeaseStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Writes a record; `durable`: it survives a power cut too. Throws StoreError. */
  write(lease: LeaseRecord, { durable = false } = {}): void {
    const path = this.#pathOf(leaseKey(lease.holder, lease.family));
    const sync = durable ? (fd: number) => Background.fsync(fd).finish() : undefined;
    try {
      replaceFile(path, JSON.stringify(lease), sync);
      if (durable) syncFolder(this.folder);
    } catch (error) {
      throw new StoreError(`write lease "${path}"`, error);
    }
  }

  /** None is fine. Throws StoreError. */
  remove(holder: LeaseHolder, family: DhcpFamily): void {
    const path = this.#pathOf(leaseKey(holder, family));
    try {
      if (existsSync(path)) removeSync(path);
    } catch (error) {
      throw new StoreError(`remove lease "${path}"`, error);
    }
  }

  /** Every record; what is none is removed and told to `broken`. Throws StoreError. */
  list(broken: (path: string) => void): LeaseRecord[] {
    let names: string[];
    try {
      names = namesIfThere(this.folder);
    } catch (error) {
      throw new StoreError(`read folder "${this.folder}"`, error);
    }
    return names.flatMap((name) => {
      const path = `${this.folder}/${name}`;
      const found = readRecord(path);
      const isItsOwn = found && name === `${leaseKey(found.holder, found.family)}.json`;
      if (isItsOwn) return [found];
      broken(path);
      this.#discard(path);
      return [];
    });
  }

  #pathOf(key: string): string {
    return `${this.folder}/${key}.json`;
  }

  /** A file that can't be removed is in nobody's way. */
  #discard(path: string): void {
    try {
      removeSync(path);
    } catch {
      // Told by whoever found it.
    }
  }
}

function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  try {
    Background.fsync(fd).finish();
  } finally {
    closeSync(fd);
  }
}

function readRecord(path: string): LeaseRecord | undefined {
  try {
    const value = JSON.parse(readFileSync(path));
    shape(value, "");
    families(String(value.family), "family");
    return value as LeaseRecord;
  } catch {
    return undefined;
  }
}

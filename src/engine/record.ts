/**
 * Attachment records: what we made for an attachment, on disk from before the first kernel change
 * until after the last. The kernel's own marks are too short, and an outside hand erases them.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  removeSync,
  renameSync,
  writeAllSync,
} from "../kernel/sys/files.ts";
import type { KernelObject, KernelObjectKind } from "../model/kernel-object.ts";
import type { Attachment } from "../model/port.ts";
import { attempt } from "./host-local/error.ts";
import type { Paths } from "./paths.ts";

const version = 1;

/** What one plugin made for one attachment. */
export interface AttachmentRecord extends Attachment {
  readonly version: typeof version;
  /** The boot in which its objects were made. */
  readonly boot: string;
  /** 16 hex digits of the attachment. */
  readonly id: string;
  /** Who made it: `bridge`, `portmap`. An attachment has one record a maker. */
  readonly maker: string;
  readonly network: string;
  readonly netns: string;
  /** Names that the runtime gave the container on this network, for whoever answers for them. */
  readonly aliases?: readonly string[];
  /** Everything desired, in our words; shared objects too. */
  readonly objects: readonly KernelObject[];
}

/** Which record: an attachment's, by who made it. */
export type RecordKey = Pick<AttachmentRecord, "id" | "maker">;

function directory(paths: Paths): string {
  return `${paths.stateDir}/attachments`;
}

function fileOf(paths: Paths, key: RecordKey): string {
  return `${directory(paths)}/${key.id}.${key.maker}.json`;
}

/** Writes a record whole or not at all. Throws StoreError. */
export function writeRecord(paths: Paths, record: AttachmentRecord): void {
  const path = fileOf(paths, record);
  const temporary = `${path}.new`;
  attempt(`write attachment record "${path}"`, () => {
    const fd = openForWriting(paths, temporary);
    try {
      writeAllSync(fd, JSON.stringify(record));
    } catch (error) {
      removeSync(temporary);
      throw error;
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  });
}

function openForWriting(paths: Paths, path: string): number {
  try {
    return openSync(path, "w", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(directory(paths), 0o700);
    return openSync(path, "w", 0o600);
  }
}

/** The record; undefined if there is none or it is unreadable: then the kernel's state counts. */
export function readRecord(paths: Paths, key: RecordKey): AttachmentRecord | undefined {
  return parseRecord(fileOf(paths, key));
}

function parseRecord(path: string): AttachmentRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const record = JSON.parse(text) as AttachmentRecord;
    return record?.version === version && record.objects.every(isKernelObject) ? record : undefined;
  } catch {
    return undefined;
  }
}

const kinds: Readonly<Record<KernelObjectKind, true>> = {
  link: true,
  address: true,
  route: true,
  sysctl: true,
  "nft-chain": true,
  "nft-element": true,
};

/** As far as can be told: what we write is whole, but a spoilt file may hold anything. */
function isKernelObject(object: KernelObject): boolean {
  return Object.hasOwn(kinds, object.kind) && typeof object.netns === "string";
}

/** Every readable record. */
export function listRecords(paths: Paths): AttachmentRecord[] {
  return recordFiles(paths).flatMap((name) => parseRecord(`${directory(paths)}/${name}`) ?? []);
}

/** Files that are no readable records, such as a write that was cut short. */
export function brokenRecords(paths: Paths): string[] {
  return recordFiles(paths, "")
    .map((name) => `${directory(paths)}/${name}`)
    .filter((path) => path.endsWith(".new") || parseRecord(path) === undefined);
}

function recordFiles(paths: Paths, suffix = ".json"): string[] {
  try {
    return readdirSync(directory(paths)).flatMap(({ name }) => (name.endsWith(suffix) ? name : []));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Removes a record; none is fine. Throws StoreError. */
export function removeRecord(paths: Paths, key: RecordKey): void {
  const path = fileOf(paths, key);
  attempt(`remove attachment record "${path}"`, () => {
    removeFile(path);
    removeFile(`${path}.new`);
  });
}

/** A read-only file system refuses even to remove what is not there. */
function removeFile(path: string): void {
  try {
    removeSync(path);
  } catch (error) {
    if (existsSync(path)) throw error;
  }
}

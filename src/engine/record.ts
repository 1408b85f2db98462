/**
 * Attachment records: what we made for an attachment, on disk from before the first kernel change
 * until after the last. The kernel's own marks are too short, and an outside hand erases them.
 */
import { existsSync, removeSync } from "../kernel/sys/files.ts";
import { namesIfThere, readIfThere, replaceFile, unfinished } from "../kernel/sys/whole-file.ts";
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
  /** What tells the namespace at `netns` from a later one there; only where somebody repairs. */
  readonly netnsCookie?: string;
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
  attempt(`write attachment record "${path}"`, () => replaceFile(path, JSON.stringify(record)));
  paths.records?.wrote(path, record);
}

/** The record; undefined if there is none or it is unreadable: then the kernel's state counts. */
export function readRecord(paths: Paths, key: RecordKey): AttachmentRecord | undefined {
  return readRecordFile(fileOf(paths, key));
}

/** The record in a file; undefined if it is gone or unreadable. */
export function readRecordFile(path: string): AttachmentRecord | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
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
  "link-settings": true,
  rule: true,
  "vrf-port": true,
  device: true,
  neigh: true,
  "nft-skeleton": true,
  "nft-chain": true,
  "link-guard": true,
  "nft-element": true,
  uplink: true,
  "foreign-accept": true,
  qdisc: true,
  filter: true,
};

/** As far as can be told: what we write is whole, but a spoilt file may hold anything. */
function isKernelObject(object: KernelObject): boolean {
  return Object.hasOwn(kinds, object.kind) && typeof object.netns === "string";
}

/** The readable records of one attachment: one of each plugin of its chain. */
export function recordsOf(paths: Paths, id: string): AttachmentRecord[] {
  return recordFiles(paths)
    .filter((name) => name.startsWith(`${id}.`))
    .flatMap((name) => readRecordFile(`${directory(paths)}/${name}`) ?? []);
}

/** Shows readable records one by one, until `visit` says true: that it has seen enough. */
export function visitRecords(paths: Paths, visit: (record: AttachmentRecord) => boolean): void {
  for (const name of recordFiles(paths)) {
    const record = readRecordFile(`${directory(paths)}/${name}`);
    if (record && visit(record)) return;
  }
}

/** Every readable record. */
export function listRecords(paths: Paths): AttachmentRecord[] {
  return recordPaths(paths).flatMap((path) => readRecordFile(path) ?? []);
}

/** The files of records, readable or not. */
export function recordPaths(paths: Paths): string[] {
  return recordFiles(paths).map((name) => `${directory(paths)}/${name}`);
}

/** Of which attachment a file of a record is. */
export const idOfRecordPath = (path: string): string =>
  path.slice(path.lastIndexOf("/") + 1).split(".")[0]!;

/** Files that are no readable records, such as a write that was cut short. */
export function brokenRecords(paths: Paths): string[] {
  return recordFiles(paths, "")
    .map((name) => `${directory(paths)}/${name}`)
    .filter((path) => path.endsWith(unfinished) || readRecordFile(path) === undefined);
}

function recordFiles(paths: Paths, suffix = ".json"): string[] {
  return namesIfThere(directory(paths)).filter((name) => name.endsWith(suffix));
}

/** Removes a record; none is fine. Throws StoreError. */
export function removeRecord(paths: Paths, key: RecordKey): void {
  const path = fileOf(paths, key);
  attempt(`remove attachment record "${path}"`, () => {
    removeFile(path);
    removeFile(`${path}${unfinished}`);
  });
  paths.records?.removed(path);
}

/** A read-only file system refuses even to remove what is not there. */
function removeFile(path: string): void {
  try {
    removeSync(path);
  } catch (error) {
    if (existsSync(path)) throw error;
  }
}

/**
 * Uplink records: what was where before a bridge took an uplink's place, on disk from before the
 * first change until everything is back.
 */
import { removeSync } from "../../kernel/sys/files.ts";
import { namesIfThere, readIfThere, replaceFile, unfinished } from "../../kernel/sys/whole-file.ts";
import { bootId } from "../boot.ts";
import { beginSync } from "../host-local/durable.ts";
import { attempt } from "../host-local/error.ts";
import type { Paths } from "../paths.ts";
import type { Carried } from "./carried.ts";

const version = 1;
const suffix = ".json";

export interface UplinkRecord {
  readonly version: typeof version;
  /** The boot in which it was moved: after another the uplink is as its network manager has it. */
  readonly boot: string;
  readonly uplink: string;
  readonly bridge: string;
  /** The uplink's ifindex, by which `carried` names it. */
  readonly index: number;
  /** How the uplink made its link-local address. */
  readonly addrGenMode?: string | number;
  readonly carried: Carried;
}

function directory({ stateDir }: Paths): string {
  return `${stateDir}/uplinks`;
}

function fileOf(paths: Paths, uplink: string): string {
  return `${directory(paths)}/${uplink}.json`;
}

/** Writes a record whole or not at all, and to the disk. Throws StoreError. */
export function writeUplinkRecord(paths: Paths, record: UplinkRecord): void {
  const path = fileOf(paths, record.uplink);
  attempt(`write uplink record "${path}"`, () => replaceFile(path, JSON.stringify(record)));
  beginSync([path, directory(paths)]).finish();
}

/** What a bridge took from an uplink can't be told: its record is spoilt, or of another Netloom. */
export class UplinkRecordError extends Error {
  override readonly name = "UplinkRecordError";
  readonly uplink: string;
  readonly path: string;
  /** What mends it. */
  readonly remedy: string;

  constructor(path: string, uplink: string, why: string) {
    const remedy = `netloom uplink release --force ${uplink}`;
    super(
      `Cannot read uplink record "${path}": ${why}. Run "${remedy}", which gives ${uplink} back ` +
        "what its bridge carries, and ends with the next ADD; the bridge's containers are cut off " +
        "until then",
    );
    this.uplink = uplink;
    this.path = path;
    this.remedy = remedy;
  }
}

/** The record of this boot; undefined if there is none. Throws UplinkRecordError. */
export function readUplinkRecord(paths: Paths, uplink: string): UplinkRecord | undefined {
  const path = fileOf(paths, uplink);
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const record = parsed(text);
  if (typeof record === "string") throw new UplinkRecordError(path, uplink, record);
  return record.boot === bootId() ? record : undefined;
}

/** The record, or why it is none. */
function parsed(text: string): UplinkRecord | string {
  let record: UplinkRecord | null;
  try {
    record = JSON.parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  if (record?.version === version && typeof record.boot === "string") return record;
  return `it is no record of version ${version}`;
}

/** Why the uplink's record is unreadable; undefined where it is not, or there is none. */
export function unreadable(paths: Paths, uplink: string): UplinkRecordError | undefined {
  try {
    readUplinkRecord(paths, uplink);
    return undefined;
  } catch (error) {
    if (error instanceof UplinkRecordError) return error;
    throw error;
  }
}

/** Names of uplinks with a file, of this boot or another. */
export function recordedUplinks(paths: Paths): string[] {
  const names = namesIfThere(directory(paths)).filter((name) => name.endsWith(suffix));
  return names.map((name) => name.slice(0, -suffix.length));
}

/** Every record of this boot that can be read. */
export function readableUplinks(paths: Paths): UplinkRecord[] {
  return recordedUplinks(paths)
    .filter((name) => !unreadable(paths, name))
    .flatMap((name) => readUplinkRecord(paths, name) ?? []);
}

/** Removes a record; none is fine. Throws StoreError. */
export function removeUplinkRecord(paths: Paths, uplink: string): void {
  const path = fileOf(paths, uplink);
  attempt(`remove uplink record "${path}"`, () => {
    removeSync(path);
    removeSync(`${path}${unfinished}`);
  });
}

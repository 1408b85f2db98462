/**
 * The runtime's memory of what it attached, in libcni's format and place, so that libcni's users
 * and we can delete what the other added. Source: libcni/api.go, `cachedInfo`.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import {
  dictionaryOf,
  filledText,
  listOf,
  object,
  optional,
  record,
  text,
  unlessEmpty,
  withDefault,
} from "../../model/parse.ts";
import type { Attachment } from "./attachment.ts";

const kind = "cniCacheV1";

/** One attachment of one network, as the cache keeps it. */
export interface CachedAttachment extends Attachment {
  readonly network: string;
  /** The list document that it was added with. */
  readonly json: string;
  /** The final result of ADD, as the plugin chain gave it; any version. */
  readonly result: Readonly<Record<string, unknown>>;
}

const fields = object({
  kind: text,
  containerId: filledText,
  config: unlessEmpty(text),
  ifName: filledText,
  networkName: filledText,
  netns: unlessEmpty(text),
  cniArgs: listOf(listOf(text)),
  capabilityArgs: withDefault(
    dictionaryOf((value) => value),
    {},
  ),
  result: optional(record),
});

/** Which entry: a network, and an attachment to it. */
export interface CacheKey extends Pick<Attachment, "containerId" | "ifName"> {
  readonly network: string;
}

const resultsIn = (cacheDir: string) => `${cacheDir}/results`;

/** Where an entry is kept. */
export function cacheFile(cacheDir: string, { network, containerId, ifName }: CacheKey): string {
  return `${resultsIn(cacheDir)}/${network}-${containerId}-${ifName}`;
}

/** Writes an entry whole: readable by root alone, since configurations hold secrets. */
export function writeCache(cacheDir: string, entry: CachedAttachment): void {
  const file = cacheFile(cacheDir, entry);
  const document = {
    kind,
    containerId: entry.containerId,
    config: Buffer.from(entry.json).toString("base64"),
    ifName: entry.ifName,
    networkName: entry.network,
    ...(entry.netns && { netns: entry.netns }),
    ...(entry.args && entry.args.length > 0 && { cniArgs: entry.args }),
    ...(entry.capabilityArgs && { capabilityArgs: entry.capabilityArgs }),
    result: entry.result,
  };
  mkdirSync(resultsIn(cacheDir), { recursive: true, mode: 0o700 });
  const temporary = `${resultsIn(cacheDir)}/.new-${process.pid}`;
  try {
    writeFileSync(temporary, JSON.stringify(document), { mode: 0o600 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** The entry; undefined when there is none or it can't be understood: it must not block a DEL. */
export function readCache(cacheDir: string, key: CacheKey): CachedAttachment | undefined {
  const entry = readEntry(cacheFile(cacheDir, key));
  return entry && isOf(entry, key) ? entry : undefined;
}

/** Forgets an entry; none is fine. */
export function removeCache(cacheDir: string, key: CacheKey): void {
  const file = cacheFile(cacheDir, key);
  const entry = readEntry(file);
  if (!entry || isOf(entry, key)) rmSync(file, { force: true });
}

/** Names may hold the hyphen that joins them: "a-b" on "net" and "b" on "net-a" share a file. */
function isOf(entry: CachedAttachment, { network, containerId, ifName }: CacheKey): boolean {
  return entry.network === network && entry.containerId === containerId && entry.ifName === ifName;
}

/** Every entry that can be understood, by the order of their files' names. */
export function listCache(cacheDir: string): CachedAttachment[] {
  return entryNames(cacheDir)
    .filter((name) => !name.startsWith("."))
    .sort()
    .flatMap((name) => readEntry(`${resultsIn(cacheDir)}/${name}`) ?? []);
}

function entryNames(cacheDir: string): string[] {
  try {
    return readdirSync(resultsIn(cacheDir));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function readEntry(file: string): CachedAttachment | undefined {
  try {
    const entry = fields(JSON.parse(readFileSync(file, "utf8")), "");
    if (entry.kind !== kind) return undefined;
    return {
      network: entry.networkName,
      containerId: entry.containerId,
      ifName: entry.ifName,
      ...(entry.netns && { netns: entry.netns }),
      args: entry.cniArgs.map(([key = "", value = ""]) => [key, value] as const),
      capabilityArgs: entry.capabilityArgs,
      json: Buffer.from(entry.config ?? "", "base64").toString(),
      result: entry.result ?? {},
    };
  } catch {
    return undefined;
  }
}

/** Port records: which port an attachment here is, on disk until the API knows that it is gone. */
import { removeSync } from "../kernel/sys/files.ts";
import { namesIfThere, readIfThere, replaceFile } from "../kernel/sys/whole-file.ts";
import type { Log } from "../lib/log.ts";
import type { Attachment } from "../model/port.ts";

const version = 1;

interface Name {
  readonly namespace: string;
  readonly name: string;
}

/** A runtime's ADD. */
export interface GivenCall {
  /** Its configuration's text. */
  readonly config: string;
  /** CNI_ARGS by key. */
  readonly args: Readonly<Record<string, string>>;
}

export interface PortAddress {
  readonly address: string;
  /** Absent: it is the host's own. */
  readonly subnet?: string;
  /** It is held by the control plane, not by a block of this host. */
  readonly claimed?: true;
}

/** One attachment, or one declared port, as the API is to know it. */
export interface PortRecord extends Attachment {
  readonly version: typeof version;
  /** 16 hex digits of the attachment; of one set aside more, with hyphens. */
  readonly id: string;
  /** CNI's name of the network list, by which GC finds it; absent of declared ports. */
  readonly list?: string;
  /** Path of the container's namespace. */
  readonly netns: string;
  readonly network: Name;
  /** Another network of the same name is not this one; absent in records of earlier versions. */
  readonly networkUid?: string;
  readonly port: Name;
  /** Key of the overlay that it is in; absent: it is in none. */
  readonly overlay?: string;
  /** Of the port's object, once the API was told: another of the same name is another port. */
  readonly portUid?: string;
  /** Of this host's binding, from before it is told: a later attachment has a higher one. */
  readonly epoch?: number;
  /** The control plane has confirmed the binding: the port can't go without us. */
  readonly isBound?: boolean;
  /** It was told, or may have been, that the binding is over. */
  readonly isUnbound?: boolean;
  /** We made the port's object, so it goes with the container. */
  readonly isOurs: boolean;
  /** Name of the port, in the same namespace, whose container it shares, with nothing made. */
  readonly joins?: string;
  /** Who the workload is; of a port that we make. */
  readonly identity?: string;
  /**
   * - `attaching`: from before the first change on; a call that was cut short leaves it so.
   * - `attached`: the result was given.
   * - `gone`: nothing of it is left here, and the API is yet to be told.
   */
  readonly stage: "attaching" | "attached" | "gone";
  /** Those without a subnet are the host's own, or another port's. */
  readonly addresses: readonly PortAddress[];
  readonly mac?: string;
  readonly hostLink?: string;
  /** When the stage began: RFC 3339, in UTC. */
  readonly since: string;
  /** Of a declared port: what its object asked for when it was made. */
  readonly declared?: string;
  /** Of a declared port: the boot in which it was made; absent in records of earlier versions. */
  readonly boot?: string;
  /** Of a container's: the call that it was made by; absent in records of earlier versions. */
  readonly given?: GivenCall;
  /** A digest of what network, subnets and port asked for when it was last brought in line. */
  readonly shape?: string;
  /** A digest of what the runtime was told of DNS. */
  readonly dns?: string;
  /** What of that it is not, and why. */
  readonly notCurrent?: { readonly reason: string; readonly message: string };
  /** Why nothing of it is put back that an outside hand takes. */
  readonly notKept?: { readonly reason: string; readonly message: string };
  /** Why it is not as it was made, where it can't be put back. */
  readonly fault?: string;
  /** The API knows of the stage. */
  readonly reported?: boolean;
}

/** The record with what it is not, and why; with none it is as it is to be. */
export function withNotCurrent(
  record: PortRecord,
  notCurrent: PortRecord["notCurrent"],
): PortRecord {
  const { notCurrent: _, ...rest } = record;
  return { ...rest, ...(notCurrent && { notCurrent }) };
}

export class PortRecords {
  readonly #folder: string;
  readonly #records = new Map<string, PortRecord>();
  /** Path by id. */
  readonly #unreadable = new Map<string, string>();

  /** What is no record is told, and left there until its attachment goes. */
  constructor(folder: string, log: Log) {
    this.#folder = folder;
    for (const name of namesIfThere(folder)) {
      if (!name.endsWith(".json")) continue;
      const record = readRecord(`${folder}/${name}`);
      if (record && name === `${record.id}.json`) {
        this.#records.set(record.id, record);
        continue;
      }
      const path = `${folder}/${name}`;
      log({ level: "warn", event: "port record unreadable", path });
      this.#unreadable.set(name.slice(0, -".json".length), path);
    }
  }

  /** Attachments of which the record can't be read: its path by the attachment's id. */
  get unreadable(): ReadonlyMap<string, string> {
    return this.#unreadable;
  }

  get(id: string): PortRecord | undefined {
    return this.#records.get(id);
  }

  all(): readonly PortRecord[] {
    return [...this.#records.values()];
  }

  /** Those of containers and ports that are here. */
  here(): readonly PortRecord[] {
    return this.all().filter(({ stage }) => stage !== "gone");
  }

  /** Whole or not at all. Throws FileError. */
  write(record: PortRecord): void {
    replaceFile(`${this.#folder}/${record.id}.json`, JSON.stringify(record));
    this.#records.set(record.id, record);
    this.#unreadable.delete(record.id);
  }

  /**
   * The attachment's record of what is gone, under an id that no attachment has, until it is told:
   * the attachment is to be another port. Throws FileError.
   */
  setAside(id: string): void {
    this.write({ ...this.get(id)!, id: `${id}-${crypto.randomUUID()}` });
    this.remove(id);
  }

  /** None is fine. Throws FileError. */
  remove(id: string): void {
    removeSync(`${this.#folder}/${id}.json`);
    this.#records.delete(id);
    this.#unreadable.delete(id);
  }
}

function readRecord(path: string): PortRecord | undefined {
  try {
    const record = JSON.parse(readIfThere(path) ?? "null") as PortRecord | null;
    return record?.version === version ? record : undefined;
  } catch {
    return undefined;
  }
}

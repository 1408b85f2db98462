/** The engine in a process that stays: one instance, and a session of its own for each call. */
import { hostNetns } from "../model/kernel-object.ts";
import type { Attachment } from "../model/port.ts";
import { type Attached, type AttachRequest, attach } from "./attach.ts";
import { type Changed, type ChangeRequest, change } from "./change.ts";
import { type CheckRequest, checkAttachment } from "./check.ts";
import { clean, type Removed } from "./clean.ts";
import { type CollectRequest, collect } from "./collect.ts";
import { type DetachRequest, detachFrom } from "./detach.ts";
import { Drift, type DriftNotice, type DriftOptions } from "./drift.ts";
import type { Engine } from "./engine.ts";
import { KernelSession } from "./kernel-session.ts";
import { lockAttachment, lockToDetach } from "./lock.ts";
import { attachmentId } from "./names.ts";
import type { Paths } from "./paths.ts";
import { type AttachmentRecord, idOfRecordPath } from "./record.ts";
import { RecordCache } from "./record-cache.ts";
import { type RepairReport, type RepairScope, repairAll } from "./repair.ts";
import { containersOf, repairTouched } from "./repair-touched.ts";
import { Residence } from "./residence.ts";

export interface ResidentOptions {
  /** As `instancePaths` gives them; no other process may have the instance in this namespace. */
  readonly paths: Paths;
  /** Path of the namespace that counts as the host's; absent: the process's own. */
  readonly host?: string;
  /** Path of the namespace that overlays' packets travel in; absent: the process's own. */
  readonly underlay?: string;
}

/**
 * Calls may run at the same time: those for one attachment go one after the other, and links that
 * are detached together go in one group. What a call throws is as with the function of its name.
 */
export class ResidentEngine implements AsyncDisposable {
  readonly paths: Paths;
  readonly #host: string;
  readonly #underlay: string;
  readonly #residence = new Residence();
  readonly #records = new RecordCache();

  constructor({ paths, host = hostNetns, underlay = hostNetns }: ResidentOptions) {
    this.paths = { ...paths, records: this.#records };
    this.#host = host;
    this.#underlay = underlay;
  }

  /** Waits until the kernel has removed what is on its way out. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#residence[Symbol.asyncDispose]();
  }

  /** Does a piece of work with an engine that has seen nothing yet. */
  async run<T>(work: (engine: Engine) => T | Promise<T>): Promise<T> {
    using engine = this.open();
    return await work(engine);
  }

  /** An engine that has seen nothing yet, for one piece of work. */
  open(): Engine & Disposable {
    const { paths } = this;
    const session = new KernelSession(this.#host, paths, this.#underlay);
    session.residence = this.#residence;
    return { session, paths, [Symbol.dispose]: () => session[Symbol.dispose]() };
  }

  /** As `run`, while nobody else changes the attachment. Throws StoreError, BusyError. */
  async runLocked<T>(of: Attachment, work: (engine: Engine) => T | Promise<T>): Promise<T> {
    using _lock = await lockAttachment(this.paths, this.idOf(of));
    return await this.run(work);
  }

  idOf(attachment: Attachment): string {
    return attachmentId(this.paths, attachment);
  }

  /** Readable records, those of an earlier boot too. An outside hand's work shows with a pass. */
  records(): AttachmentRecord[] {
    return this.#records.list(this.paths);
  }

  /** Records that can't be read: path by the attachment's id. */
  unreadable(): Map<string, string> {
    const paths = this.#records.unreadable(this.paths);
    return new Map(paths.map((path) => [idOfRecordPath(path), path]));
  }

  attach<C>(request: AttachRequest<C>): Promise<Attached> {
    return this.runLocked(request, (engine) => attach(engine, request));
  }

  change<C>(request: ChangeRequest<C>): Promise<Changed> {
    return this.runLocked(request, (engine) => change(engine, request));
  }

  async detach(request: DetachRequest): Promise<void> {
    using _lock = await lockToDetach(this.paths, this.idOf(request));
    await this.run((engine) => detachFrom(engine, request));
  }

  check(request: CheckRequest): Promise<void> {
    return this.runLocked(request, (engine) => checkAttachment(engine, request));
  }

  collect(request: CollectRequest): Promise<void> {
    return this.run((engine) => collect(engine, request));
  }

  /** `kept`: attachments that are there, whether or not their records can be read. */
  clean(kept: ReadonlySet<string>): Promise<Removed> {
    return this.run((engine) => clean(engine, kept));
  }

  /** A look at all attachments, or those in the scope. */
  repairAll(scope: Omit<RepairScope, "records"> = {}): Promise<RepairReport> {
    this.#records.look(this.paths);
    return this.run((engine) => repairAll(engine, { ...scope, records: this.#records }));
  }

  /** A look at what a notice is about. */
  repairTouched(notice: DriftNotice): Promise<RepairReport> {
    return this.run((engine) => repairTouched(engine, notice, this.#records));
  }

  /** Notices of drift from now on, in all containers that there are attachments in. */
  async drift(options: DriftOptions = {}): Promise<Drift> {
    const drift = await this.run((engine) => new Drift(engine, options));
    this.follow(drift);
    return drift;
  }

  /** Has it watch the containers that are attached now. Gives those that can't be watched. */
  follow(drift: Drift): readonly string[] {
    return drift.follow(containersOf(this.records()));
  }
}

/** What the agent knows of its control plane: the node spec, and whether a server is heard. */
import type { Client } from "../api/client/client.ts";
import type { Port } from "../api/kinds/index.ts";
import { portKind } from "../api/kinds/port.ts";
import type { WatchEvent } from "../api/node-spec.ts";
import { ifAbsent } from "../api/status-error.ts";
import { CniError, cniCodes } from "../cni/errors.ts";
import type { Asked, ControlPlane } from "./agent.ts";
import { isAway, within } from "./api.ts";
import type { FeedEvents } from "./spec/feed.ts";
import type { NodeSpec, SpecChange } from "./spec/node-spec.ts";
import type { SpecFolder } from "./spec/spec-folder.ts";
import type { Name } from "./target.ts";

/** A block comes by itself so soon, where there is one. */
const blockMs = 500;
/** So long it is tried to take a wish back. */
const takeBackMs = 5_000;

export class ControlLink implements ControlPlane, FeedEvents {
  readonly #spec: NodeSpec;
  readonly #folder: SpecFolder;
  readonly #api: Client;
  readonly #listeners = new Set<() => void>();
  readonly #wanted = new Set<string>();
  #isReached = false;
  /** Told of each change of the spec, and of servers that come and go. */
  onChange: (changes: readonly SpecChange[]) => void = () => {};
  /** Told when servers come and go. */
  onReached: (isReached: boolean) => void = () => {};
  /** A subnet of which a block is wanted is new. */
  onWant: () => void = () => {};

  constructor(spec: NodeSpec, folder: SpecFolder, api: Client) {
    this.#spec = spec;
    this.#folder = folder;
    this.#api = api;
  }

  get isReached(): boolean {
    return this.#isReached;
  }

  /** Subnets, as `namespace/name`, of which blocks are wanted at once. */
  get wanted(): readonly string[] {
    return [...this.#wanted];
  }

  begin(): void {
    this.#spec.begin();
  }

  event(event: WatchEvent): void {
    const before = this.#spec.isComplete;
    const changes = this.#spec.apply(event);
    const isFirst = !before && this.#spec.isComplete;
    if (changes.length > 0 || isFirst) this.#folder.keep(changes, this.#spec.isComplete);
    if (changes.length > 0 || isFirst) this.#tell(changes);
  }

  reached(reached: boolean): void {
    if (this.#isReached === reached) return;
    this.#isReached = reached;
    this.onReached(reached);
    this.#tell([]);
  }

  #tell(changes: readonly SpecChange[]): void {
    this.onChange(changes);
    for (const listener of [...this.#listeners]) listener();
  }

  async waitFor(condition: () => boolean, patienceMs: number): Promise<boolean> {
    if (condition()) return true;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listener = () => {
      try {
        if (condition()) resolve();
      } catch (error) {
        reject(error);
      }
    };
    this.#listeners.add(listener);
    const timer = setTimeout(resolve, patienceMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(listener);
    }
    return condition();
  }

  async findPort({ namespace, name }: Name, patienceMs: number): Promise<Port | undefined> {
    const ports = this.#api.of(portKind);
    try {
      return await within(patienceMs, (limit) => ports.find({ namespace, name }, limit));
    } catch (error) {
      if (!isAway(error)) throw error;
      throw new CniError(
        cniCodes.tryLater,
        `Cannot tell whether port "${namespace}/${name}" was declared: ${error.message}`,
      );
    }
  }

  async ask<T>({ subnet, port, isBlockWanted, patienceMs, found }: Asked<T>) {
    const { namespace, name } = subnet.metadata;
    const key = `${namespace}/${name}`;
    const end = performance.now() + patienceMs;
    let result: T | undefined;
    const look = () => {
      result ??= found();
      return result !== undefined;
    };
    try {
      if (isBlockWanted) {
        this.#wanted.add(key);
        this.onWant();
        if (await this.waitFor(look, Math.min(blockMs, patienceMs))) return result;
      }
      const leftMs = () => Math.max(0, end - performance.now());
      if (this.#isReached) await this.#wish(port, [name], leftMs());
      if (await this.waitFor(look, leftMs())) return result;
      // Nobody waits for it: what stays is over with what is next told of the port.
      if (this.#isReached) void this.#wish(port, [], takeBackMs).catch(() => {});
      return undefined;
    } finally {
      this.#wanted.delete(key);
    }
  }

  /** The port's object, if there is one, tells the wish. Nobody grants it without a server. */
  async #wish(port: Name, wantedAddresses: readonly string[], patienceMs: number) {
    const { status } = this.#api.of(portKind);
    const patch = { status: { wantedAddresses } };
    try {
      await within(patienceMs, (limit) => status.mergePatch(port, patch, limit).catch(ifAbsent));
    } catch (error) {
      if (!isAway(error)) throw error;
    }
  }
}

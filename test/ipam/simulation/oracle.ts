/** Who really uses which address, seen from above: no address may have two users at any time. */

import type { Asker } from "./world.ts";

/** What must never be. */
export class Violation extends Error {
  override readonly name = "Violation";
}

export interface User {
  /** A container's owner, or a port's uid. */
  readonly user: string;
  /** What pools select by. */
  readonly app: string;
  readonly identity?: string;
  readonly stickyForMs?: number;
  readonly nowMs: number;
}

interface Kept {
  readonly identity: string;
  readonly until: number;
}

type MayBeHad = (asker: Required<Asker>) => boolean;

/** Clocks are off by an hour at most, either way. */
const marginMs = 2 * 3_600_000;

export class Oracle {
  readonly #users = new Map<string, string>();
  readonly #kept = new Map<string, Kept>();
  readonly #mayBeHad: MayBeHad;
  /** How often an address began to be used. */
  given = 0;

  constructor(mayBeHad: MayBeHad) {
    this.#mayBeHad = mayBeHad;
  }

  /** Somebody begins to use an address, which he may use already. */
  begin(subnet: string, address: string, { user, app, identity, nowMs }: User): void {
    const key = `${subnet}/${address}`;
    const other = this.#users.get(key);
    if (other === user) return;
    if (!this.#mayBeHad({ subnet, address, app })) {
      throw new Violation(`"${user}" of "${app}" was given ${key}, which it may not have`);
    }
    if (other !== undefined) {
      throw new Violation(`"${user}" was given ${key}, which "${other}" is using`);
    }
    const kept = this.#kept.get(key);
    if (kept && kept.until > nowMs && kept.identity !== identity) {
      throw new Violation(`"${user}" was given ${key}, which is kept for "${kept.identity}"`);
    }
    this.#kept.delete(key);
    this.#users.set(key, user);
    this.given++;
  }

  end(subnet: string, address: string, { user, identity, stickyForMs = 0, nowMs }: User): void {
    const key = `${subnet}/${address}`;
    if (this.#users.get(key) !== user) {
      throw new Violation(`"${user}" ends its use of ${key}, which it does not use`);
    }
    this.#users.delete(key);
    const until = nowMs + stickyForMs - marginMs;
    if (identity !== undefined) this.#kept.set(key, { identity, until });
  }

  /** A host was said to be off: what it kept and had not reported is kept no more. */
  forgetKept(): void {
    this.#kept.clear();
  }

  get count(): number {
    return this.#users.size;
  }
}

/** Tells who calls: by the kernel's word, by a token, or by a client certificate. */

import type { Token } from "../../api/kinds/index.ts";
import { tokenKind } from "../../api/kinds/token.ts";
import type { ApiObject } from "../../api/object.ts";
import { unauthorized } from "../../api/status-error.ts";
import type { Log } from "../../lib/log.ts";
import { authenticated, type Caller, type Identity, rootIdentity } from "../http/access.ts";
import type { Objects } from "../objects/objects.ts";
import type { Directory } from "./directory.ts";
import { bearerOf, equalHashes, hashOf } from "./secret.ts";

const hourMs = 3600_000;

/** Milliseconds since 1970. */
function endOfToken({ metadata, spec }: Token): number {
  if (metadata.deletionTimestamp !== undefined) return 0;
  return spec.expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(spec.expires);
}

export interface Credentials {
  readonly directory: Directory;
  readonly objects: Objects;
  readonly log: Log;
  readonly now: () => number;
}

export class Authenticator {
  readonly #credentials: Credentials;
  /** Tokens whose use is being noted. */
  readonly #noting = new Set<string>();

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** A token that is shown counts, whoever shows it. Throws ApiError (Unauthorized). */
  async identify(header: string | null, caller: Caller): Promise<Identity> {
    const secret = bearerOf(header);
    if (secret === null) throw unauthorized();
    if (secret !== undefined) return this.#bearer(secret);
    if (caller.uid === 0) return rootIdentity;
    if (caller.certificateName === undefined) throw unauthorized();
    const { certificateName: user, certificateEnds } = caller;
    const ends = certificateEnds === undefined ? {} : { certificateEnds };
    const identity: Identity = { user, groups: [authenticated], source: "certificate", ...ends };
    // It may have ended since the connection began.
    if (!this.isValid(identity)) throw unauthorized();
    return identity;
  }

  /** Whether what it came by still counts. */
  isValid(identity: Identity): boolean {
    return this.endOf(identity) > this.#credentials.now();
  }

  /** When what it came by ends, as far as is known now: milliseconds since 1970. */
  endOf({ token, certificateEnds }: Identity): number {
    if (!token) return certificateEnds ?? Number.POSITIVE_INFINITY;
    const now = this.#credentials.directory.tokenWith(token.uid);
    return now ? endOfToken(now) : 0;
  }

  async #bearer(secret: string): Promise<Identity> {
    const { directory } = this.#credentials;
    const hash = hashOf(secret);
    let token = directory.tokenOf(hash);
    if (!token) {
      // It may be so new, made by another server, that we didn't hear of it yet.
      await directory.renewSoon();
      token = directory.tokenOf(hash);
    }
    if (!token || !equalHashes(token.status?.hash ?? "", hash)) throw unauthorized();
    if (endOfToken(token) <= this.#credentials.now()) throw unauthorized();
    this.#noteUse(token);
    const { role, tenant, user } = token.spec;
    const { name, uid } = token.metadata;
    return {
      user,
      groups: [authenticated],
      source: "token",
      token: {
        name,
        uid,
        ...(role !== undefined && { role }),
        ...(tenant !== undefined && { tenant }),
      },
    };
  }

  /** Once an hour, and behind the request's back. */
  #noteUse({ metadata, status }: Token): void {
    const { objects, log, now } = this.#credentials;
    const { name, uid } = metadata;
    const last = status?.lastUsed === undefined ? 0 : Date.parse(status.lastUsed);
    if (now() - last < hourMs || this.#noting.has(uid)) return;
    this.#noting.add(uid);
    const lastUsed = `${new Date(now()).toISOString().slice(0, 19)}Z`;
    const change = (live: ApiObject) =>
      live.metadata.uid === uid
        ? { ...live, status: { ...(live.status as object), lastUsed } }
        : live;
    const request = { manager: "netloom", subresource: "status" } as const;
    objects
      .update(tokenKind, { name }, change, request)
      .catch((error) => log({ level: "warn", event: "token", name, error: error.message }))
      .finally(() => this.#noting.delete(uid));
  }
}

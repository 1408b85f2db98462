/** Who calls, and what they may do: the seam to authentication and authorization. */
import type { ApiObject } from "../../api/object.ts";

/** Who calls. */
export interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
  /** By what we know; absent of who showed nothing. */
  readonly source?: "socket" | "token" | "certificate";
  /** The token that was shown. It may count for less than what its user was granted. */
  readonly token?: {
    readonly name: string;
    readonly uid: string;
    readonly role?: string;
    readonly tenant?: string;
  };
  /** The end of the certificate that was shown: milliseconds since 1970. */
  readonly certificateEnds?: number;
}

/** What is asked for, in the words of Kubernetes' access reviews. */
export interface Attributes {
  /** get, list, watch, create, update, patch, delete, deletecollection. */
  readonly verb: string;
  readonly group: string;
  /** Plural; empty of paths that are no objects. */
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  /** Of lists and watches: the one object that they select by its name. */
  readonly name?: string;
  /** Of what is no object: `/version`. */
  readonly path?: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Why not, or by which grant. */
  readonly reason?: string;
  /** A list or watch: only of those objects that `admit` lets through. */
  readonly isPart?: boolean;
}

/** What the network tells of a caller. */
export interface Caller {
  /** Over the Unix socket, by the kernel's word. */
  readonly uid?: number;
  /** Of a client certificate that our authority signed. */
  readonly certificateName?: string;
  /** Its end: milliseconds since 1970. */
  readonly certificateEnds?: number;
  readonly address?: string;
}

/** An object as it is read, or as it was before a change and is after it. */
export interface Affected {
  readonly old?: ApiObject;
  readonly next?: ApiObject;
}

/** What lasts as long as a watch does. */
export interface Hold {
  /** Fires when its holder may no longer watch. */
  readonly signal: AbortSignal;
  release(): void;
}

export interface Access {
  /** Throws ApiError (Unauthorized, TooManyRequests). */
  authenticate(request: Request, caller: Caller): Promise<Identity>;
  /** Whether they may ask for such things at all. Where that hangs on the object, see `admit`. */
  authorize(identity: Identity, attributes: Attributes): Promise<Decision>;
  /** Whether they may do it to this very object. Called again where another change came first. */
  admit(identity: Identity, attributes: Attributes, affected: Affected): Decision;
  /**
   * Counts a watch, which ends with the right to it, and where another part than this is in sight.
   * Throws ApiError (TooManyRequests).
   */
  hold(identity: Identity, attributes: Attributes, isPart?: boolean): Hold;
  /** Rights may have changed by a write: what was decided before counts no more. */
  changed(resource: string): Promise<void>;
}

/** Kubernetes' group of those who may do everything. */
export const masters = "system:masters";
export const authenticated = "system:authenticated";
export const rootIdentity: Identity = {
  user: "root",
  groups: [masters, authenticated],
  source: "socket",
};

/** Access where the Unix socket is the only door: its file lets root in alone. */
export const rootOnly: Access = {
  async authenticate(_, { uid }) {
    return uid === 0
      ? rootIdentity
      : { user: "system:anonymous", groups: ["system:unauthenticated"] };
  },
  async authorize({ groups }) {
    return groups.includes(masters)
      ? { allowed: true }
      : { allowed: false, reason: "only root may do this" };
  },
  admit: () => ({ allowed: true }),
  hold: () => ({ signal: new AbortController().signal, release() {} }),
  async changed() {},
};

/** What the handlers of requests work with. */
import type { Kind } from "../../api/kind.ts";
import type { Log } from "../../lib/log.ts";
import type { Feed } from "../objects/feed.ts";
import type { Objects } from "../objects/objects.ts";
import type { Access, Identity } from "./access.ts";
import type { Audit, Trail } from "./trail.ts";

/** What the server serves. */
export interface Service {
  readonly objects: Objects;
  readonly feed: Feed;
  readonly access: Access;
  readonly kinds: readonly Kind<any, any>[];
  /** The product's. */
  readonly version: string;
  readonly log: Log;
  /** Is told of each request that changes something, and of each that is refused. */
  readonly audit?: Audit;
  /** Fires when the server is about to end: watches end with it. */
  readonly ends: AbortSignal;
}

/** A request whose caller is known. */
export interface Call {
  readonly request: Request;
  readonly url: URL;
  readonly identity: Identity;
  readonly trail: Trail;
  /** Ends the answer so that the client sees that it is not whole. */
  readonly breakOff?: () => void;
}

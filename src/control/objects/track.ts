/** Who set which fields of an object, kept with each change. */
import { trackUpdate } from "../../api/apply/apply.ts";
import type { Kind } from "../../api/kind.ts";
import type { ApiObject } from "../../api/object.ts";

export interface Tracked {
  readonly live?: ApiObject;
  readonly next: ApiObject;
  readonly now: string;
  readonly manager: string;
  readonly subresource?: "status";
  readonly applied?: boolean;
}

/** The object with its managed fields brought up to date. */
export function track(kind: Kind<any, any>, { next, applied, ...writing }: Tracked): ApiObject {
  if (applied) return next;
  return trackUpdate({ kind, ...writing, updated: next }) as ApiObject;
}

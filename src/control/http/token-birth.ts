/** Tokens are born with a secret, of which only the hash is kept. */
import type { Kind } from "../../api/kind.ts";
import { tokenKind } from "../../api/kinds/token.ts";
import type { ApiObject } from "../../api/object.ts";
import { hashOf, newSecret } from "../access/secret.ts";

/** What the server adds to a new object of a kind: nothing, but to tokens. */
export interface Birth {
  readonly born?: (object: ApiObject) => ApiObject;
  readonly secret?: string;
}

export function bornWith(kind: Pick<Kind<any, any>, "kind" | "group">): Birth {
  if (kind.kind !== tokenKind.kind || kind.group !== tokenKind.group) return {};
  const secret = newSecret();
  return { secret, born: (object) => ({ ...object, status: { hash: hashOf(secret) } }) };
}

/** The answer to the creation: the only one that holds the secret. */
export function withSecret(object: ApiObject, { secret }: Birth): ApiObject {
  return secret === undefined ? object : { ...object, status: { secret } };
}

/** Secrets of tokens: how they look, and what is kept of them. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** By which people and scanners know one that leaked. */
const prefix = "nlt_";
/** 256 bits in base64url. */
const form = /^nlt_[A-Za-z0-9_-]{43}$/;

export const newSecret = (): string => prefix + randomBytes(32).toString("base64url");

/** SHA-256 in hex. So long and random a secret needs no slower hash. */
export const hashOf = (secret: string): string => createHash("sha256").update(secret).digest("hex");

/** In a time that does not depend on where they differ. */
export function equalHashes(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The secret of an `Authorization` header. Undefined: there is no header. Null: it is no token. */
export function bearerOf(header: string | null): string | null | undefined {
  if (header === null) return undefined;
  const [, secret = ""] = /^Bearer +(\S+)$/i.exec(header) ?? [];
  return form.test(secret) ? secret : null;
}

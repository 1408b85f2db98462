/** Plain data as a short text, to be compared and kept: passwords can't be read out of it. */

/** Equal data in the same order of fields gives equal text, other data another. */
export function fingerprint(value: unknown): string {
  const text = JSON.stringify(value, (_, each) => (each instanceof Uint8Array ? [...each] : each));
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 32);
}

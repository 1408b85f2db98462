/** Keys of X25519 as WireGuard writes them. Sources: RFC 7748, section 5; RFC 8410, section 7. */

/** Both base64 of 32 bytes; the private one clamped, as the kernel tells it. */
export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

const keyBytes = 32;
/** What stands before a private key's bytes in PKCS #8: of X25519 always the same. */
const pkcs8Start = Uint8Array.fromHex("302e020100300506032b656e04220420");

export function newKeyPair(): Promise<KeyPair> {
  return pairOf(crypto.getRandomValues(new Uint8Array(keyBytes)));
}

/** The pair of a private key in base64; undefined where it is none. */
export async function keyPairOf(privateKey: string): Promise<KeyPair | undefined> {
  const bytes = Buffer.from(privateKey, "base64");
  const isKey = bytes.length === keyBytes && bytes.toString("base64") === privateKey;
  return isKey ? pairOf(bytes) : undefined;
}

/** By WebCrypto, which is there already: to load node:crypto takes milliseconds. */
async function pairOf(secret: Uint8Array): Promise<KeyPair> {
  const clamped = secret.slice();
  clamped[0]! &= 0xf8;
  clamped[31] = (clamped[31]! & 0x7f) | 0x40;
  const encoded = new Uint8Array([...pkcs8Start, ...clamped]);
  const key = await crypto.subtle.importKey("pkcs8", encoded, "X25519", true, ["deriveBits"]);
  const { x } = await crypto.subtle.exportKey("jwk", key);
  return {
    privateKey: Buffer.from(clamped).toString("base64"),
    publicKey: Buffer.from(x!, "base64url").toString("base64"),
  };
}

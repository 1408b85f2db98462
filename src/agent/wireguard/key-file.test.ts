/** Keys made, kept and rotated, judged by wg(8) and RFC 7748's own example. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyFile } from "./key-file.ts";
import { keyPairOf, newKeyPair } from "./key-pair.ts";

let stateDir: string;
const keyPath = () => join(stateDir, "wireguard/private-key");
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "key-file-"));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

describe("a key", () => {
  test("has the public part that RFC 7748, section 6.1, says", async () => {
    const hex = (text: string) => Buffer.from(text, "hex").toString("base64");
    const secret = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    const pair = await keyPairOf(secret);
    const known = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
    expect(pair!.publicKey).toBe(hex(known));
  });
  test("has the public part that wg derives, and is clamped", async () => {
    for (let i = 0; i < 20; i++) {
      const { privateKey, publicKey } = await newKeyPair();
      const { stdout } = Bun.spawnSync(["wg", "pubkey"], { stdin: Buffer.from(privateKey) });
      expect(stdout.toString().trim()).toBe(publicKey);
      const bytes = Buffer.from(privateKey, "base64");
      expect([bytes[0]! & 7, bytes[31]! & 0xc0]).toEqual([0, 0x40]);
      expect(await keyPairOf(privateKey)).toEqual({ privateKey, publicKey });
    }
  });
});

describe("a host's key file", () => {
  test("is made once, for root alone", async () => {
    const pair = await new KeyFile(stateDir).load();
    expect(await new KeyFile(stateDir).load()).toEqual(pair);
    expect(statSync(keyPath()).mode & 0o777).toBe(0o600);
    expect(statSync(join(stateDir, "wireguard")).mode & 0o777).toBe(0o700);
    expect(readFileSync(keyPath(), "utf8")).toBe(`${pair.privateKey}\n`);
  });
  test("holds another key once rotated, for root alone", async () => {
    const file = new KeyFile(stateDir);
    const old = await file.load();
    const pair = await file.rotate();
    expect(pair.privateKey).not.toBe(old.privateKey);
    expect(await file.load()).toEqual(pair);
    expect(statSync(keyPath()).mode & 0o777).toBe(0o600);
  });
  test.each(["", "\n", "no key", `${"A".repeat(42)}=`])(
    "with %p in it is an error that says what to do, and stays",
    async (text) => {
      const file = new KeyFile(stateDir);
      await file.load();
      writeFileSync(keyPath(), text);
      expect(file.load()).rejects.toThrow("holds no WireGuard key");
      expect(readFileSync(keyPath(), "utf8")).toBe(text);
    },
  );
});

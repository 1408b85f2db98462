/** What an agent may say of its host. */
import { expect, test } from "bun:test";
import { validate } from "../validate.ts";
import { hostKind } from "./host.ts";

const wrong = (publicKey: string) => validate(hostKind.status, { publicKey }, "status");

test("a host's WireGuard key is 32 bytes, in the one way that base64 has for them", () => {
  for (let i = 0; i < 100; i++) {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    const key = Buffer.from(bytes).toString("base64");
    expect(wrong(key)).toEqual([]);
    for (const length of [31, 33]) {
      const other = Buffer.from(crypto.getRandomValues(new Uint8Array(length)));
      expect(wrong(other.toString("base64"))).not.toEqual([]);
    }
    // Bits of the last digit that are none of the key's.
    expect(wrong(key.replace(/.=$/, "B="))).toMatchObject([{ path: "status.publicKey" }]);
  }
});

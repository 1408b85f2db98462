/** Structs of UDP ends: as the kernel's headers lay them out, and back. */
import { describe, expect, test } from "bun:test";
import { readSocketAddress, socketAddress } from "./socket-address.ts";

const cases = [
  ["192.0.2.7", 4789, "020012b5c00002070000000000000000"],
  ["2001:db8::7", 51820, "0a00ca6c0000000020010db800000000000000000000000700000000"],
] as const;

describe("a UDP end", () => {
  test.each(cases)("%s, port %i, is the kernel's struct", (address, port, hex) => {
    const bytes = socketAddress({ address, port });
    expect(bytes.toHex()).toBe(hex);
    expect(readSocketAddress(bytes)).toEqual({ address, port });
  });
  test("is not told of a struct that is cut short, or of another family", () => {
    for (const [, , hex] of cases) {
      const bytes = Uint8Array.fromHex(hex);
      for (let length = 0; length < bytes.length; length++) {
        expect(readSocketAddress(bytes.subarray(0, length))).toBeUndefined();
      }
      bytes[0] = 1;
      expect(readSocketAddress(bytes)).toBeUndefined();
    }
  });
  test.each([-1, 65536, 1.5, Number.NaN])("is refused with the port %p", (port) => {
    expect(() => socketAddress({ address: "192.0.2.7", port })).toThrow("is no UDP port");
  });
});

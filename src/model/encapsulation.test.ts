/** What of the underlay's MTU is left for a network. */
import { expect, test } from "bun:test";
import { mtuWithin } from "./encapsulation.ts";

const overlay = { type: "overlay" } as const;
const sealed = { type: "overlay", encryption: "wireguard" } as const;
const byIpv6 = { underlayProtocol: "ipv6" } as const;

const cases: readonly [string, Parameters<typeof mtuWithin>[0], number, number][] = [
  ["VXLAN over IPv4", overlay, 1500, 1450],
  ["VXLAN over IPv6", { ...overlay, ...byIpv6 }, 1500, 1430],
  ["plain routes", { type: "routed", backend: "host-gw" }, 1500, 1500],
  ["VXLAN in WireGuard over IPv4", sealed, 1500, 1370],
  ["VXLAN in WireGuard over IPv6, which is filled up", { ...sealed, ...byIpv6 }, 1500, 1338],
  ["VXLAN in WireGuard over a smaller IPv4", sealed, 1450, 1306],
  ["WireGuard over IPv4", { type: "routed", backend: "wireguard" }, 1500, 1440],
  ["WireGuard over IPv6", { type: "routed", backend: "wireguard", ...byIpv6 }, 1500, 1408],
];
test.each(cases)("%s", (_, spec, underlayMtu, mtu) => {
  expect(mtuWithin(spec, underlayMtu)).toBe(mtu);
});

test("no packet that fits is longer on the underlay than it carries", () => {
  for (let underlayMtu = 1280; underlayMtu <= 1600; underlayMtu++) {
    for (const [spec, outside, inside] of [
      [sealed, 60, 70],
      [{ ...sealed, ...byIpv6 }, 80, 70],
    ] as const) {
      const largest = mtuWithin(spec, underlayMtu);
      const filledUp = Math.ceil((largest + inside) / 16) * 16;
      expect(filledUp + outside).toBeLessThanOrEqual(underlayMtu);
      expect(filledUp + outside + 16).toBeGreaterThan(underlayMtu);
    }
  }
});

/** Addresses of UDP ends as the kernel takes them. Source: include/uapi/linux/in.h, in6.h. */
import { bytesToIp, ipToBytes } from "../../lib/ip.ts";

/** One end of UDP traffic. */
export interface UdpEnd {
  /** Without a zone: of a link-local address the link is not told. */
  readonly address: string;
  /** 1 to 65535. */
  readonly port: number;
}

export const socketFamily = { ipv4: 2, ipv6: 10 } as const;
const sizes = { ipv4: 16, ipv6: 28 } as const;

/** `struct sockaddr_in` or `struct sockaddr_in6`. Throws AddressError, RangeError. */
export function socketAddress({ address, port }: UdpEnd): Uint8Array {
  if (!(Number.isInteger(port) && port >= 0 && port <= 0xffff)) {
    throw new RangeError(`${port} is no UDP port: choose one from 1 to 65535`);
  }
  const ip = ipToBytes(address);
  const family = ip.length === 4 ? "ipv4" : "ipv6";
  const bytes = new Uint8Array(sizes[family]);
  bytes[0] = socketFamily[family];
  bytes[2] = port >> 8;
  bytes[3] = port;
  bytes.set(ip, family === "ipv4" ? 4 : 8);
  return bytes;
}

/** What such a struct says; undefined where it is of another family or too short. */
export function readSocketAddress(bytes: Uint8Array): UdpEnd | undefined {
  const family = bytes[0]! | (bytes[1]! << 8);
  const port = (bytes[2]! << 8) | bytes[3]!;
  if (family === socketFamily.ipv4 && bytes.length >= sizes.ipv4) {
    return { address: bytesToIp(bytes.subarray(4, 8)), port };
  }
  if (family === socketFamily.ipv6 && bytes.length >= sizes.ipv6) {
    return { address: bytesToIp(bytes.subarray(8, 24)), port };
  }
  return undefined;
}

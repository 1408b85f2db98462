/** The address that a link makes for itself. */
import { canonicalIp } from "./ip.ts";

/** The link-local address that the kernel makes of a hardware address. RFC 4291, appendix A. */
export function linkLocalOf(mac: string): string {
  const [a, b, c, d, e, f] = mac.split(":").map((part) => Number.parseInt(part, 16));
  const words = [(a! ^ 2) * 256 + b!, c! * 256 + 0xff, 0xfe00 + d!, e! * 256 + f!];
  return canonicalIp(`fe80::${words.map((word) => word.toString(16)).join(":")}`);
}

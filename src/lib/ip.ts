/** IPv4 and IPv6 addresses. (Being written.) */
export function ipToBytes(_text: string): Uint8Array {
  throw new Error("unwritten");
}
export function bytesToIp(_bytes: Uint8Array): string {
  throw new Error("unwritten");
}

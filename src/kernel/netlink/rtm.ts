/** Numbers that several rtnetlink families share. Source: include/uapi/linux/rtnetlink.h. */

/** Message types. */
export const rtm = {
  newLink: 16,
  delLink: 17,
  getLink: 18,
  setLink: 19,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
  newRoute: 24,
  delRoute: 25,
  getRoute: 26,
  newNeigh: 28,
  delNeigh: 29,
  getNeigh: 30,
  newRule: 32,
  delRule: 33,
  getRule: 34,
  newQdisc: 36,
  delQdisc: 37,
  getQdisc: 38,
  newClass: 40,
  delClass: 41,
  getClass: 42,
  newFilter: 44,
  delFilter: 45,
  getFilter: 46,
  getMulticast: 58,
  newNetconf: 80,
} as const;

/** Address families. Source: include/linux/socket.h. */
export const addressFamily = { unspec: 0, inet: 2, bridge: 7, inet6: 10 } as const;

/** Whom a route, rule or neighbour is from, in the kernel's books: ours are Netloom's. */
export const netloomProtocol = 108;

export const mainTable = 254;

/** `inet6` for an address or prefix with a colon. */
export function familyOf(address: string): number {
  return address.includes(":") ? addressFamily.inet6 : addressFamily.inet;
}

/** An address and its prefix length, of the whole address where there is none. */
export function splitPrefix(prefix: string): { address: string; length: number } {
  const slash = prefix.indexOf("/");
  if (slash < 0) return { address: prefix, length: prefix.includes(":") ? 128 : 32 };
  return { address: prefix.slice(0, slash), length: Number(prefix.slice(slash + 1)) };
}

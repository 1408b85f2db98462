/** What messages of traffic control share. Source: include/uapi/linux/{rtnetlink,pkt_sched}.h. */
import { attrs, binary, i32, string, struct, u8, u16, u32 } from "./codec.ts";
import type { Layout } from "./message.ts";

/** `struct tcmsg`. */
const trafficHeader = struct({
  family: u8,
  pad1: u8,
  pad2: u16,
  /** ifindex of the link. */
  index: i32,
  handle: u32,
  parent: u32,
  /** Of filters: the priority in the upper half, the protocol (network order) in the lower. */
  info: u32,
});

/** TCA_ attributes. What the options hold depends on the kind. */
export const trafficLayout = {
  header: trafficHeader,
  attrs: attrs({ kind: [1, string], options: [2, binary] }),
} as const satisfies Layout<any, any>;

/** Places where a queueing discipline can be that have no number of their own. */
const places = { root: 0xffffffff, ingress: 0xfffffff1 } as const;

/** `root`, `ingress`, or two hexadecimal numbers as `tc` writes them: `108:`, `108:2`. */
export function handleOf(text: string): number {
  if (Object.hasOwn(places, text)) return places[text as keyof typeof places];
  const [major = "", minor = ""] = text.split(":");
  return Number.parseInt(major, 16) * 0x10000 + (minor === "" ? 0 : Number.parseInt(minor, 16));
}

/** The other way round. */
export function handleText(handle: number): string {
  for (const name in places) if (places[name as keyof typeof places] === handle) return name;
  const minor = handle & 0xffff;
  return `${(handle >>> 16).toString(16)}:${minor === 0 ? "" : minor.toString(16)}`;
}

/** The kernel counts a burst as the time in which the rate brings it, in ticks of 64 ns. */
const tickNs = 64;
/** More stand for a time that the field can't hold. */
export const mostTicks = 0xffffffff;

/** Ticks in which `rateBytes` a second bring `burstBytes`, as many as the field can hold. */
export function ticksOf(burstBytes: number, rateBytes: number): number {
  return Math.min(Math.floor((burstBytes * 1e9) / rateBytes / tickNs), mostTicks);
}

/** The other way round, in bytes and parts of them. */
export function burstOf(ticks: number, rateBytes: number): number {
  return (ticks * tickNs * rateBytes) / 1e9;
}

const linkLayerEthernet = 1;

/** `struct tc_ratespec`. Rates that it can't hold stand in an attribute of their own, too. */
const rateSpec = struct({
  cellLog: u8,
  linkLayer: u8,
  overhead: u16,
  cellAlign: u16,
  mpu: u16,
  rate: u32,
});

const maxU32 = 0xffffffff;

/** Bytes a second in the old field. */
export const oldRate = {
  size: rateSpec.size,
  write: (out: Parameters<typeof rateSpec.write>[0], bytes: number) =>
    rateSpec.write(out, { linkLayer: linkLayerEthernet, rate: Math.min(bytes, maxU32) }),
  read: (from: Parameters<typeof rateSpec.read>[0]) => rateSpec.read(from).rate,
} as const;

/** A rate for the new field, where the old one can't hold it. */
export function wideRate(bytes: number): bigint | undefined {
  return bytes > maxU32 ? BigInt(bytes) : undefined;
}

/** Classes of an htb queueing discipline. Source: uapi/linux/pkt_sched.h. */
import { Reader, Writer } from "../../lib/bytes.ts";
import { attrs, struct, u32, u64 } from "./codec.ts";
import { decode, type Message, nlmF, type Request, request } from "./message.ts";
import { rtm } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";
import {
  burstOf,
  handleOf,
  handleText,
  oldRate,
  ticksOf,
  trafficLayout,
  wideRate,
} from "./traffic.ts";

/** A share of a link's traffic with a rate that it keeps to. */
export interface TrafficClass {
  /** As `tc` writes it: `108:2`. */
  readonly handle: string;
  /** Bytes a second. */
  readonly rateBytes: number;
  readonly burstBytes: number;
}

export const classOptions = attrs({
  parameters: [
    1,
    struct({
      rate: oldRate,
      ceiling: oldRate,
      buffer: u32,
      ceilingBuffer: u32,
      quantum: u32,
      level: u32,
      priority: u32,
    }),
  ],
  rate64: [6, u64],
  ceiling64: [7, u64],
});

/** Bytes that classes take in turn where two may send. Without it the kernel warns in its log. */
const quantum = 0x10000;

/** Makes a class of the discipline `parent` on the link `index`. */
export function addTrafficClass(index: number, parent: string, spec: TrafficClass): Request {
  const { handle, rateBytes, burstBytes } = spec;
  const buffer = ticksOf(burstBytes, rateBytes);
  const out = new Writer(128);
  classOptions.write(out, {
    parameters: {
      ...{ rate: rateBytes, ceiling: rateBytes, buffer, ceilingBuffer: buffer },
      ...{ quantum, level: 0, priority: 0 },
    },
    rate64: wideRate(rateBytes),
    ceiling64: wideRate(rateBytes),
  });
  return request(
    {
      op: `add traffic class ${handle} to link ${index}`,
      type: rtm.newClass,
      flags: nlmF.create | nlmF.excl,
    },
    trafficLayout,
    {
      header: { index, parent: handleOf(parent), handle: handleOf(handle) },
      attrs: { kind: "htb", options: out.bytes },
    },
  );
}

/** One from an RTM_NEWTCLASS message; undefined where it is not htb's. Throws DecodeError. */
export function readTrafficClass(message: Message): TrafficClass | undefined {
  const { header, attrs } = decode(message, trafficLayout);
  if (attrs.kind !== "htb") return undefined;
  const { parameters, rate64 } = classOptions.read(new Reader(attrs.options ?? new Uint8Array()));
  const rateBytes = rate64 === undefined ? (parameters?.rate ?? 0) : Number(rate64);
  const burstBytes = Math.round(burstOf(parameters?.buffer ?? 0, rateBytes));
  return { handle: handleText(header.handle), rateBytes, burstBytes };
}

/** Those of a link. */
export function listTrafficClasses(socket: NetlinkSocket, index: number): TrafficClass[] {
  const item = request(
    { op: `list traffic classes of link ${index}`, type: rtm.getClass, flags: 0 },
    trafficLayout,
    { header: { index }, attrs: {} },
  );
  return socket.dump(item).flatMap((message) => readTrafficClass(message) ?? []);
}

/** Queueing disciplines: how a link lets packets wait. Source: uapi/linux/pkt_sched.h. */
import { Reader, Writer } from "../../lib/bytes.ts";
import { attrs, type Codec, struct, u32, u64 } from "./codec.ts";
import { decode, type Message, nlmF, type Request, request } from "./message.ts";
import { rtm } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";
import {
  burstOf,
  handleOf,
  handleText,
  mostTicks,
  oldRate,
  ticksOf,
  trafficLayout,
  wideRate,
} from "./traffic.ts";

/** A token bucket: so many bytes a second, and so many at once after a pause. */
export interface Tbf {
  /** Bytes a second. */
  readonly rateBytes: number;
  readonly burstBytes: number;
  /** Bytes that may wait; more are dropped. */
  readonly limitBytes: number;
}

/** A tree of classes, each with its own rate. */
export interface Htb {
  /** Minor number of the class that takes what no filter puts elsewhere. */
  readonly defaultClass: number;
}

/** A plain queue. */
export interface Bfifo {
  readonly limitBytes: number;
}

const tbfOptions = attrs({
  parameters: [1, struct({ rate: oldRate, peakRate: oldRate, limit: u32, buffer: u32, mtu: u32 })],
  rate64: [4, u64],
  burst: [6, u32], // bytes; written only
});

const tbf: Codec<Tbf> = {
  write: (out, { rateBytes, burstBytes, limitBytes }) =>
    tbfOptions.write(out, {
      parameters: {
        rate: rateBytes,
        peakRate: 0,
        limit: limitBytes,
        buffer: ticksOf(burstBytes, rateBytes),
        mtu: 0,
      },
      rate64: wideRate(rateBytes),
      // In bytes only where ticks can't tell: at high rates the kernel turns bytes into time badly.
      burst: ticksOf(burstBytes, rateBytes) < mostTicks ? undefined : burstBytes,
    }),
  read: (from) => {
    const { parameters, rate64 } = tbfOptions.read(from);
    const rateBytes = rate64 === undefined ? (parameters?.rate ?? 0) : Number(rate64);
    const burstBytes = Math.round(burstOf(parameters?.buffer ?? 0, rateBytes));
    return { rateBytes, burstBytes, limitBytes: parameters?.limit ?? 0 };
  },
};

const htbOptions = attrs({
  init: [
    2,
    struct({ version: u32, rateToQuantum: u32, defaultClass: u32, debug: u32, direct: u32 }),
  ],
});
const htbVersion = 3;

const htb: Codec<Htb> = {
  write: (out, { defaultClass }) =>
    htbOptions.write(out, {
      init: { version: htbVersion, rateToQuantum: 10, defaultClass, debug: 0, direct: 0 },
    }),
  read: (from) => ({ defaultClass: htbOptions.read(from).init?.defaultClass ?? 0 }),
};

const bfifo: Codec<Bfifo> = {
  write: (out, { limitBytes }) => out.u32(limitBytes),
  read: (from) => ({ limitBytes: from.left < 4 ? 0 : from.u32() }),
};

/** It has no options. */
const ingress: Codec<object> = { write: () => {}, read: () => ({}) };

/** Kind → its TCA_OPTIONS. */
export const qdiscKinds = { tbf, htb, bfifo, ingress } as const;

export type QdiscKind = keyof typeof qdiscKinds;

/** Where one is. Numbers as `tc` writes them. */
export interface QdiscPlace {
  /** ifindex of the link. */
  readonly index: number;
  /** `root`, `ingress`, or the class that it serves: `108:1`. */
  readonly parent: string;
  readonly handle: string;
}

/** One to make; its settings are in the field of its kind. */
export interface NewQdisc extends QdiscPlace {
  readonly kind: QdiscKind;
  readonly tbf?: Tbf;
  readonly htb?: Htb;
  readonly bfifo?: Bfifo;
}

/** One that is there, perhaps of a kind that we don't know. */
export interface QdiscInfo extends QdiscPlace {
  readonly kind: string;
  readonly tbf?: Tbf;
  readonly htb?: Htb;
  readonly bfifo?: Bfifo;
}

const placeText = ({ index, parent }: QdiscPlace) => `${parent} of link ${index}`;

function headerOf({ index, parent, handle }: QdiscPlace) {
  return { index, parent: handleOf(parent), handle: handleOf(handle) };
}

/** Makes one where the kernel's own default is. Refused with `EEXIST` where another one is. */
export function addQdisc(spec: NewQdisc): Request {
  return request(
    {
      op: `add queueing discipline "${spec.kind}" at ${placeText(spec)}`,
      type: rtm.newQdisc,
      flags: nlmF.create | nlmF.excl,
    },
    trafficLayout,
    { header: headerOf(spec), attrs: { kind: spec.kind, options: optionsOf(spec) } },
  );
}

function optionsOf(spec: NewQdisc): Uint8Array | undefined {
  if (spec.kind === "ingress") return undefined;
  const out = new Writer(128);
  (qdiscKinds[spec.kind] as Codec<unknown>).write(out, spec[spec.kind]);
  return out.bytes;
}

/**
 * Removes one with its classes and filters; one that is not there is removed. The kernel says
 * EINVAL where there is another one by now, with another handle: that is not the one meant.
 */
export function removeQdisc(place: QdiscPlace): Request {
  return request(
    {
      op: `remove the queueing discipline at ${placeText(place)}`,
      type: rtm.delQdisc,
      flags: 0,
      tolerate: ["ENOENT", "ENODEV", "EINVAL"],
    },
    trafficLayout,
    { header: headerOf(place), attrs: {} },
  );
}

/** One from an RTM_NEWQDISC message. Throws DecodeError. */
export function readQdisc(message: Message): QdiscInfo {
  const { header, attrs } = decode(message, trafficLayout);
  const { kind = "", options = new Uint8Array() } = attrs;
  const codec = Object.hasOwn(qdiscKinds, kind) ? qdiscKinds[kind as QdiscKind] : undefined;
  return {
    index: header.index,
    parent: handleText(header.parent),
    handle: handleText(header.handle),
    kind,
    ...(codec && kind !== "ingress" && { [kind]: codec.read(new Reader(options)) }),
  };
}

/** Those of all links: the kernel can't filter them. */
export function listQdiscs(socket: NetlinkSocket): QdiscInfo[] {
  const item = request(
    { op: "list queueing disciplines", type: rtm.getQdisc, flags: 0 },
    trafficLayout,
    { header: {}, attrs: {} },
  );
  return socket.dump(item).map(readQdisc);
}

/** DHCPv6 options: the table of those we know, and the bytes that any are in. */
import { DecodeError, Reader, Writer } from "../../lib/bytes.ts";
import { type Format, listOf, raw, u8, u16, u32, type Value } from "../formats.ts";
import { clientFqdn, ip6, nameList, pieces, present, status, vendorClass } from "./values.ts";

/** Options by number, as bytes, in their order; a number may stand there more than once. */
export type Options = readonly (readonly [code: number, bytes: Uint8Array])[];

/** A set of addresses that one interface of a client has: RFC 8415 section 21.4. */
export interface IaNa {
  readonly iaid: number;
  /** Seconds until renewal; 0 leaves it to the client, `infinity` is never. */
  readonly t1: number;
  /** Seconds until rebinding, in the same way. */
  readonly t2: number;
  readonly options: Options;
}

/** An address in an IA: RFC 8415 section 21.6. */
export interface IaAddress {
  readonly address: string;
  /** Seconds, `infinity` for ever. */
  readonly preferred: number;
  /** Seconds, `infinity` for ever; 0 takes the address away. */
  readonly valid: number;
  readonly options: Options;
}

/** In seconds: RFC 8415 section 7.7. */
export const infinity = 0xffffffff;

const rest: Format<Options> = {
  write: (out, options) => writeOptions(out, options),
  read: (from) => readOptions(from),
};

const iaNa: Format<IaNa> = {
  write: (out, { iaid, t1, t2, options }) => {
    for (const number of [iaid, t1, t2]) out.u32be(number);
    rest.write(out, options);
  },
  read: (from) => ({
    iaid: from.u32be(),
    t1: from.u32be(),
    t2: from.u32be(),
    options: rest.read(from),
  }),
};

const iaAddress: Format<IaAddress> = {
  write: (out, { address, preferred, valid, options }) => {
    ip6.write(out, address);
    out.u32be(preferred);
    out.u32be(valid);
    rest.write(out, options);
  },
  read: (from) => ({
    address: ip6.read(from),
    preferred: from.u32be(),
    valid: from.u32be(),
    options: rest.read(from),
  }),
};

/** Name → number and format. Source: RFC 8415 section 21, and where another stands beside it. */
export const optionTable = {
  clientId: [1, raw],
  serverId: [2, raw],
  iaNa: [3, iaNa],
  iaAddress: [5, iaAddress],
  optionRequest: [6, listOf(u16, 2)],
  preference: [7, u8],
  elapsedTime: [8, u16], // hundredths of a second
  unicast: [12, ip6],
  status: [13, status],
  rapidCommit: [14, present],
  userClass: [15, pieces],
  vendorClass: [16, vendorClass],
  nameservers: [23, listOf(ip6, 16)], // RFC 3646
  domainSearch: [24, nameList], // RFC 3646
  clientFqdn: [39, clientFqdn], // RFC 4704
  solMaxRt: [82, u32], // seconds
} as const satisfies Record<string, readonly [number, Format<any>]>;

export type OptionName = keyof typeof optionTable;
export type OptionValue<Name extends OptionName> = Value<(typeof optionTable)[Name][1]>;

/** The option's values, those left out that make no sense. */
export function readAll<Name extends OptionName>(
  options: Options,
  name: Name,
): OptionValue<Name>[] {
  const [code, format] = optionTable[name];
  return options.flatMap(([found, bytes]) => {
    if (found !== code) return [];
    try {
      return [format.read(new Reader(bytes)) as OptionValue<Name>];
    } catch (error) {
      // One bad option is no reason to do without the others.
      if (error instanceof DecodeError) return [];
      throw error;
    }
  });
}

/** The option's first value; undefined where there is none, or none that makes sense. */
export function readOption<Name extends OptionName>(
  options: Options,
  name: Name,
): OptionValue<Name> | undefined {
  return readAll(options, name)[0];
}

/** An option's number and bytes. Throws RangeError, AddressError. */
export function option<Name extends OptionName>(
  name: Name,
  value: OptionValue<Name>,
): [code: number, bytes: Uint8Array] {
  const [code, format] = optionTable[name];
  const out = new Writer(32);
  (format as Format<OptionValue<Name>>).write(out, value);
  return [code, out.bytes.slice()];
}

/** Throws RangeError for a value over 65535 bytes. */
export function writeOptions(out: Writer, options: Options): void {
  for (const [code, bytes] of options) {
    out.u16be(code);
    out.u16be(bytes.length);
    out.raw(bytes);
  }
}

/** Throws DecodeError where one is cut short. */
export function readOptions(from: Reader): Options {
  const options: [number, Uint8Array][] = [];
  while (from.left > 0) {
    const code = from.u16be();
    options.push([code, from.raw(from.u16be()).slice()]);
  }
  return options;
}

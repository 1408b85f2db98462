/** How values of DHCPv6 options are written: addresses, names, lists of texts. */
import { DecodeError, type Reader, type Writer } from "../../lib/bytes.ts";
import { bytesToIp, ipToBytes } from "../../lib/ip.ts";
import type { Format } from "../formats.ts";

/** An IPv6 address as text. */
export const ip6: Format<string> = {
  write: (out, value) => {
    const bytes = ipToBytes(value);
    if (bytes.length !== 16) throw new RangeError(`"${value}" is no IPv6 address`);
    out.raw(bytes);
  },
  read: (from) => bytesToIp(from.raw(16)),
};

/** An option that says all by being there. */
export const present: Format<true> = {
  write: () => {},
  read: () => true,
};

const maxNameBytes = 255;
const maxLabelBytes = 63;
/** What resolvers take. A name with anything else would be another name, or two, in their files. */
const label = /^[\w-]+$/;

function writeName(out: Writer, name: string, end: "absolute" | "relative"): void {
  const labels = name.split(".");
  const total = name.length + 2;
  if (total > maxNameBytes || !labels.every((each) => isLabel(each))) {
    throw new RangeError(`"${name}" is no domain name`);
  }
  for (const each of labels) {
    const bytes = new TextEncoder().encode(each);
    out.u8(bytes.length);
    out.raw(bytes);
  }
  if (end === "absolute") out.u8(0);
}

const isLabel = (text: string) => label.test(text) && text.length <= maxLabelBytes;

/** A name; undefined for one that no resolver takes. Throws DecodeError where it is cut short. */
function readName(from: Reader): string | undefined {
  const labels: string[] = [];
  const start = from.at;
  for (;;) {
    // A name without its end is one that the server shall complete: RFC 4704 section 4.2.
    const length = from.left === 0 ? 0 : from.u8();
    if (length === 0) break;
    if (length > maxLabelBytes) throw new DecodeError("a label is too long", from.at - 1);
    labels.push(new TextDecoder().decode(from.raw(length)));
    if (from.at - start > maxNameBytes) throw new DecodeError("a name is too long", start);
  }
  return labels.length > 0 && labels.every(isLabel) ? labels.join(".") : undefined;
}

/** Names one after the other, never compressed: RFC 8415 section 10. Unusable ones are left out. */
export const nameList: Format<string[]> = {
  write: (out, names) => {
    for (const name of names) writeName(out, name, "absolute");
  },
  read: (from) => {
    const names: string[] = [];
    while (from.left > 0) {
      const name = readName(from);
      if (name !== undefined) names.push(name);
    }
    return names;
  },
};

/** A client's name, and who enters it in the DNS. Source: RFC 4704 section 4.1. */
export interface ClientFqdn {
  /** Bits S (server enters the address), O (server overrode S), N (nobody enters anything). */
  readonly flags: number;
  /** One without a dot is to be completed by the server. */
  readonly name: string;
}

export const clientFqdn: Format<ClientFqdn> = {
  write: (out, { flags, name }) => {
    out.u8(flags);
    writeName(out, name, name.includes(".") ? "absolute" : "relative");
  },
  read: (from) => {
    const flags = from.u8();
    const name = readName(from);
    if (name === undefined) throw new DecodeError("no name that may be used", from.at);
    return { flags, name };
  },
};

/** Pieces of opaque data, each behind its length: RFC 8415 sections 21.15 and 21.16. */
export const pieces: Format<Uint8Array[]> = {
  write: (out, values) => {
    for (const value of values) {
      out.u16be(value.length);
      out.raw(value);
    }
  },
  read: (from) => {
    const values: Uint8Array[] = [];
    while (from.left > 0) values.push(from.raw(from.u16be()).slice());
    return values;
  },
};

/** What a client's maker says of it: RFC 8415 section 21.16. */
export interface VendorClass {
  /** The maker's number at IANA. */
  readonly enterprise: number;
  readonly data: readonly Uint8Array[];
}

export const vendorClass: Format<VendorClass> = {
  write: (out, { enterprise, data }) => {
    out.u32be(enterprise);
    pieces.write(out, [...data]);
  },
  read: (from) => ({ enterprise: from.u32be(), data: pieces.read(from) }),
};

/** Source: RFC 8415 section 21.13. A code without a name here means as much as `unspecFail`. */
export const statusCodes = {
  success: 0,
  unspecFail: 1,
  noAddrsAvail: 2,
  noBinding: 3,
  notOnLink: 4,
  useMulticast: 5,
} as const;

/** How a server says that something went well or not. */
export interface Status {
  readonly code: number;
  /** For people. */
  readonly message: string;
}

export const status: Format<Status> = {
  write: (out, { code, message }) => {
    out.u16be(code);
    out.raw(new TextEncoder().encode(message));
  },
  read: (from) => ({
    code: from.u16be(),
    message: new TextDecoder().decode(from.raw(from.left)).replace(/\0+$/, ""),
  }),
};

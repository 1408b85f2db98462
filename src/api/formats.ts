/** The forms that texts may have: whether one has it, and its one canonical text. */
import { canonicalIp, isIp } from "../lib/ip.ts";
import { equalPrefix, formatPrefix, networkOf, type Prefix, parsePrefix } from "../lib/prefix.ts";
import type { Format } from "./schema.ts";

interface Form {
  /** What is wrong with the text; undefined: nothing. */
  readonly wrong: (text: string) => string | undefined;
  /** The text that all texts of the same meaning share. Called with good texts only. */
  readonly canonical?: (text: string) => string;
}

/** One label of a DNS name. */
const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const nameRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', " +
  "and must start and end with an alphanumeric character";
const macText = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;

/** What is wrong with a name: RFC 1123, at most 63 characters. Undefined: nothing. */
export function wrongName(text: string): string | undefined {
  if (text.length > 63) return "must be no more than 63 characters";
  return dnsLabel.test(text) ? undefined : nameRule;
}

function prefixOfText(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const isPrefix = isIp(text.slice(0, slash)) && /^\d{1,3}$/.test(text.slice(slash + 1));
  if (!isPrefix) return undefined;
  try {
    return parsePrefix(text);
  } catch {
    return undefined; // Its length is that of no prefix of the family.
  }
}

function wrongCidr(text: string): string | undefined {
  const prefix = prefixOfText(text);
  if (!prefix) return "must be a network with its prefix length, as 10.1.0.0/24 or fd00:1::/64";
  const network = networkOf(prefix);
  return equalPrefix(network, prefix)
    ? undefined
    : `must have no bits beyond its prefix: ${formatPrefix(network)}`;
}

function wrongMac(text: string): string | undefined {
  const isUnicast = Number.parseInt(text.slice(0, 2), 16) % 2 === 0 && !/^[0:]*$/.test(text);
  return macText.test(text) && isUnicast
    ? undefined
    : "must be a unicast hardware address, as 02:00:5e:00:53:01";
}

/** Linux: IFNAMSIZ less the NUL; `dev_valid_name` of net/core/dev.c. */
function wrongLink(text: string): string | undefined {
  const bytes = new TextEncoder().encode(text).length;
  const isName =
    bytes > 0 && bytes <= 15 && !/[/:%\s\p{Cc}]/u.test(text) && text !== "." && text !== "..";
  return isName
    ? undefined
    : "must be a link's name: at most 15 bytes, no slash, colon, percent sign or white space";
}

function wrongReference(text: string): string | undefined {
  const parts = text.split("/");
  if (parts.length > 2) return "must be a name, or namespace/name";
  return parts.map(wrongName).find((wrong) => wrong !== undefined);
}

/** `2026-02-31` is a date to JavaScript, but not to the calendar. */
function wrongDateTime(text: string): string | undefined {
  const rule = "must be a time in UTC as RFC 3339 writes it, as 2026-01-31T12:00:00Z";
  const time = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) return rule;
  return new Date(time).toISOString().slice(0, 10) === text.slice(0, 10) ? undefined : rule;
}

const formats: Readonly<Record<Format, Form>> = {
  ip: {
    wrong: (text) =>
      isIp(text) ? undefined : "must be a valid IP address, as 10.1.0.5 or fd00:1::5",
    canonical: canonicalIp,
  },
  cidr: { wrong: wrongCidr, canonical: (text) => formatPrefix(parsePrefix(text)) },
  mac: { wrong: wrongMac, canonical: (text) => text.toLowerCase() },
  name: { wrong: wrongName },
  reference: { wrong: wrongReference },
  link: { wrong: wrongLink },
  "date-time": { wrong: wrongDateTime },
};

/** What is wrong with a text of that format; undefined: nothing. */
export const wrongFormat = (format: Format, text: string): string | undefined =>
  formats[format].wrong(text);

/** The format's own text of it; as it is where it is none, which `wrongFormat` tells. */
export function canonicalText(format: Format, text: string): string {
  const { wrong, canonical } = formats[format];
  return canonical && wrong(text) === undefined ? canonical(text) : text;
}

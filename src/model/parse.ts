/** Checks values that came from JSON and names the field that is wrong. */
import { bytesToIp, ipToBytes } from "../lib/ip.ts";
import { ConfigError } from "./config-error.ts";

/**
 * Turns `value` into a `T` or throws ConfigError with `path`, the field's path in the document.
 * As Go's encoding/json, which the reference plugins read with: null is the same as absent,
 * unknown keys pass, and a key matches whatever the case of its letters.
 */
export type Parser<T> = (value: unknown, path: string) => T;

/** What a parser gives. */
export type Parsed<P> = P extends Parser<infer T> ? T : never;

/** The text, empty or not. */
export const text: Parser<string> = (value, path) =>
  typeof value === "string" ? value : wrong("a string", value, path);

/** Text with at least one character. */
export const filledText: Parser<string> = (value, path) =>
  typeof value === "string" && value !== "" ? value : wrong("a non-empty string", value, path);

/** `true` or `false`. */
export const flag: Parser<boolean> = (value, path) =>
  typeof value === "boolean" ? value : wrong("true or false", value, path);

/** A whole number from `min` to `max`, both included. */
export function integer(min: number, max: number): Parser<number> {
  return (value, path) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : wrong(`a whole number from ${min} to ${max}`, value, path);
}

/** One of the texts given. */
export function oneOf<const T extends string>(...choices: readonly T[]): Parser<T> {
  return (value, path) =>
    choices.includes(value as T)
      ? (value as T)
      : wrong(`one of ${choices.map((choice) => `"${choice}"`).join(", ")}`, value, path);
}

/** Absent, null: undefined. */
export function optional<T>(parser: Parser<T>): Parser<T | undefined> {
  return (value, path) => (value === undefined || value === null ? undefined : parser(value, path));
}

/** Absent, null, empty text: undefined. For fields that Go leaves at their zero value when "". */
export function unlessEmpty<T>(parser: Parser<T>): Parser<T | undefined> {
  return (value, path) =>
    value === undefined || value === null || value === "" ? undefined : parser(value, path);
}

/** Absent, null: `fallback`. */
export function withDefault<T>(parser: Parser<T>, fallback: T): Parser<T> {
  return (value, path) => (value === undefined || value === null ? fallback : parser(value, path));
}

/** A list; absent and null give an empty one. */
export function listOf<T>(item: Parser<T>): Parser<T[]> {
  return (value, path) => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) return wrong("a list", value, path);
    return value.map((entry, i) => item(entry, `${path}[${i}]`));
  };
}

/** An object whose keys are the user's own. */
export function dictionaryOf<T>(item: Parser<T>): Parser<Record<string, T>> {
  return (value, path) => {
    const out: Record<string, T> = {};
    for (const [key, entry] of Object.entries(record(value, path))) {
      out[key] = item(entry, joinPath(path, key));
    }
    return out;
  };
}

/** An object with known fields; others pass unread. */
export function object<F extends Record<string, Parser<any>>>(
  fields: F,
): Parser<{ [K in keyof F]: Parsed<F[K]> }> {
  const parsers = Object.entries(fields);
  const folded = new Map(parsers.map(([name]) => [name.toLowerCase(), name]));
  return (value, path) => {
    const source = record(value, path);
    const given = new Map<string, unknown>();
    for (const key of Object.keys(source)) {
      const name = folded.get(key.toLowerCase());
      if (name !== undefined && (key === name || !given.has(name))) given.set(name, source[key]);
    }
    const out: Record<string, unknown> = {};
    for (const [name, parser] of parsers) out[name] = parser(given.get(name), joinPath(path, name));
    return out as { [K in keyof F]: Parsed<F[K]> };
  };
}

/** Any JSON object, as it is. */
export const record: Parser<Readonly<Record<string, unknown>>> = (value, path) =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : wrong("an object", value, path);

/** An IPv4 or IPv6 address, in canonical text. */
export const ipAddress: Parser<string> = (value, path) => {
  const bytes = typeof value === "string" ? ipBytes(value) : undefined;
  return bytes ? bytesToIp(bytes) : wrong("an IP address, as 10.1.0.5 or fd00::5", value, path);
};

/** An address with a prefix length, in canonical text; bits beyond the prefix stay. */
export const ipPrefix: Parser<string> = (value, path) => {
  if (typeof value === "string") {
    const slash = value.lastIndexOf("/");
    const bytes = slash > 0 ? ipBytes(value.slice(0, slash)) : undefined;
    const digits = value.slice(slash + 1);
    if (bytes && /^\d{1,3}$/.test(digits) && Number(digits) <= bytes.length * 8) {
      return `${bytesToIp(bytes)}/${Number(digits)}`;
    }
  }
  return wrong("an address with a prefix length, as 10.1.0.0/24 or fd00::/64", value, path);
};

/**
 * A unicast Ethernet address in lower case with colons. Reads the three notations that Go's
 * net.ParseMAC does: with colons, with hyphens, and three groups with dots.
 */
export const macAddress: Parser<string> = (value, path) => {
  if (typeof value === "string") {
    const separated = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(value);
    if (separated || /^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/i.test(value)) {
      const digits = value.replace(/[:.-]/g, "").toLowerCase();
      const isGroup = Number.parseInt(digits.slice(0, 2), 16) % 2 === 1;
      if (!isGroup && digits !== "000000000000") return digits.match(/../g)!.join(":");
    }
  }
  return wrong("a unicast hardware address, as 02:00:5e:00:53:01", value, path);
};

/** The path of a field inside the object at `path`. */
export function joinPath(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** The value as a message quotes it: JSON, shortened. */
export function quoted(value: unknown): string {
  const json = asJson(value);
  return json.length <= 60 ? json : `${json.slice(0, 57)}…`;
}

/** Text that a message can show, of anything: what nests too deep for JSON too. */
function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Array.isArray(value) ? "[…]" : "{…}";
  }
}

/** Throws the ConfigError of a value that is not `what` it must be. */
export function wrong(what: string, value: unknown, path: string): never {
  if (value === undefined || value === null)
    throw new ConfigError(path, `missing, must be ${what}`);
  throw new ConfigError(path, `must be ${what}, not ${quoted(value)}`);
}

function ipBytes(address: string): Uint8Array | undefined {
  try {
    return ipToBytes(address);
  } catch {
    return undefined;
  }
}

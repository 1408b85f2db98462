/** The administrator's list of sysctls that `tuning` may set. */
import { ConfigError } from "../model/config-error.ts";
import { allowlistPath } from "./sysctl-allowlist-path.ts";
import type { TuningConfig } from "./tuning-config.ts";

/** Throws ConfigError for a sysctl that no line of the list allows. */
export function checkAllowed(config: TuningConfig, list: string): void {
  const patterns = readAllowlist(list);
  for (const { key } of config.sysctls) {
    if (patterns.some((pattern) => pattern.test(key))) continue;
    throw new ConfigError(
      `sysctl["${key}"]`,
      `is not allowed: no line of ${allowlistPath} matches it. Remove it, or have a line added`,
    );
  }
}

/**
 * One regular expression a line, which may match anywhere in the key, as the reference's (Go's
 * RE2 syntax). Throws ConfigError for a line that would mean something else here.
 */
export function readAllowlist(text: string): RegExp[] {
  return text.split("\n").flatMap((line, i) => {
    const pattern = line.trim();
    if (pattern === "") return [];
    try {
      return [fromRe2(pattern)];
    } catch (error) {
      const { message } = error as Error;
      throw new ConfigError(
        `${allowlistPath} line ${i + 1}`,
        `${JSON.stringify(pattern)} is no regular expression that can be read: ${message}`,
      );
    }
  });
}

/** RE2's escapes of letters that JavaScript has too, with the same meaning for keys of sysctls. */
const sameEscapes = new Set("dDsSwWbBtnrfv");
const otherEscapes: Readonly<Record<string, string>> = { A: "^", z: "$", a: "\\x07" };
const classes: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  digit: "0-9",
  lower: "a-z",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
  punct: "!-\\/:-@\\[-`\\{-~",
  space: "\\t\\n\\v\\f\\r ",
};

/**
 * The same in JavaScript. With the flag `u` it refuses what it does not know, instead of taking it
 * for plain letters: a list must never allow more than it says.
 */
function fromRe2(pattern: string): RegExp {
  const flags = /^\(\?([is]+)\)/.exec(pattern);
  const body = flags ? pattern.slice(flags[0].length) : pattern;
  if (/\(\?(?![:P<])|\(\?<[=!]|\\[1-9]/.test(body))
    throw new SyntaxError("such a group is not known");
  let out = "";
  for (let at = 0; at < body.length; ) {
    const piece = pieceAt(body, at);
    out += piece.text;
    at += piece.length;
  }
  return new RegExp(out, `u${flags?.[1] ?? ""}`);
}

function pieceAt(body: string, at: number): { text: string; length: number } {
  const named = /^\[:(\^?)(\w+):\]/.exec(body.slice(at));
  if (named) {
    const found = Object.hasOwn(classes, named[2]!) ? classes[named[2]!] : undefined;
    if (found === undefined || named[1] !== "") throw new SyntaxError(`${named[0]} is not known`);
    return { text: found, length: named[0].length };
  }
  if (body.startsWith("(?P<", at)) return { text: "(?<", length: 4 };
  if (body[at] !== "\\") return { text: body[at]!, length: 1 };
  const next = body[at + 1] ?? "";
  if (next === "Q") {
    const end = body.indexOf("\\E", at);
    const quoted = body.slice(at + 2, end < 0 ? undefined : end);
    return { text: literal(quoted), length: end < 0 ? body.length - at : end + 2 - at };
  }
  if (sameEscapes.has(next)) return { text: `\\${next}`, length: 2 };
  if (Object.hasOwn(otherEscapes, next)) return { text: otherEscapes[next]!, length: 2 };
  const hex = /^\\x(?:[0-9a-f]{2}|\{[0-9a-f]+\})/i.exec(body.slice(at));
  if (hex) return { text: hex[0].replace("\\x{", "\\u{"), length: hex[0].length };
  if (next === "" || /[0-9A-Za-z]/.test(next)) throw new SyntaxError(`\\${next} is not known`);
  return { text: literal(next), length: 2 };
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (char) => (char === "-" ? "\\x2d" : `\\${char}`));
}

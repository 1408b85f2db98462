/** Checks what the user asks of an extra. */
import type { Extra } from "../../drivers/extra.ts";
import { ConfigError } from "../../model/config-error.ts";
import { duplicateKey } from "../../model/duplicate-keys.ts";
import type { Call } from "../plugin.ts";

/** The extra's configuration; undefined if nothing is asked for. Throws ConfigError. */
export function parseExtra<C>(
  call: Call,
  extra: Extra<C>,
  raw: Readonly<Record<string, unknown>>,
): C | undefined {
  for (const field of extra.distinct ?? []) {
    const key = duplicateKey(call.text, field);
    if (key === undefined) continue;
    throw new ConfigError(`${field}["${key}"]`, "stands there twice: remove one of the two");
  }
  return extra.parse(raw, call.args.values);
}

/** Reads text in resolv.conf's format, as the reference's host-local does. */
import { type Resolver, resolverOf } from "./parse.ts";

/**
 * `nameserver` gives its first word, the last `domain` wins, `search` and `options` add up.
 * Comments, unknown and incomplete lines are passed over; values are not checked.
 */
export function parseResolvConf(file: string): Resolver {
  const nameservers: string[] = [];
  const search: string[] = [];
  const options: string[] = [];
  let domain = "";
  for (const line of file.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    const first = values[0];
    if (!keyword || /^[#;]/.test(keyword) || first === undefined) continue;
    if (keyword === "nameserver") nameservers.push(first);
    else if (keyword === "domain") domain = first;
    else if (keyword === "search") search.push(...values);
    else if (keyword === "options") options.push(...values);
  }
  return resolverOf({ nameservers, domain, search, options });
}

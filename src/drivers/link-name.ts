/** Names of links as the kernel takes them. Source: dev_valid_name in net/core/dev.c. */
import { ConfigError } from "../model/config-error.ts";
import { text } from "../model/parse.ts";

/**
 * At most 15 bytes, neither `.` nor `..`, without `/`, `:` and white space; nor `%`, which the
 * kernel would replace by a number.
 */
export function linkName(value: unknown, path: string): string {
  const name = text(value, path);
  const bytes = new TextEncoder().encode(name).length;
  if (bytes === 0 || bytes > 15 || name === "." || name === ".." || /[/:%\s]/.test(name)) {
    throw new ConfigError(
      path,
      `"${name}" is no name for a link: 1 to 15 bytes, without "/", ":", "%" and spaces, not "." or ".."`,
    );
  }
  return name;
}

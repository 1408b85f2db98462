/** Paths of files, as far as a plugin needs them: loading node:path takes a quarter of a ms. */

/** The folder of an absolute path without a slash at its end. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** What a release of GoBGP can do for us. Pure. */

/** The messages of its API that we have tables for. */
const knownMajor = 3;

/** Of what `gobgpd --version` prints: `gobgpd version 3.10.0`. */
export function supportOf(said: string): { readonly version: string } | { readonly fault: string } {
  const version = /version (\d+\.\d+\.\d+\S*)/.exec(said)?.[1];
  if (version === undefined) return { fault: `it tells no version but "${said.trim()}"` };
  if (Number(version.split(".")[0]) === knownMajor) return { version };
  return { fault: `it is GoBGP ${version}, whose API is another: install GoBGP ${knownMajor}` };
}

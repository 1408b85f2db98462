/** Where the plugins under test are: ours, and the reference's two releases. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The repository's root. */
export const root = join(import.meta.dir, "../..");

/** Releases of the reference plugins that the set-up fetches. */
export type ReferenceVersion = "1.9.1" | "1.1.1";

/** The directory of a reference release's plugins. Throws where the set-up has not run. */
export function referenceDir(version: ReferenceVersion): string {
  return present(join(root, ".cache/reference", version), 'run "make setup"');
}

/**
 * The directory of our plugins, links to `dist/netloom`. NETLOOM_TEST_PLUGINS names another, to
 * try the tests themselves.
 */
export function ourDir(): string {
  const dir = process.env.NETLOOM_TEST_PLUGINS ?? join(root, "dist/cni");
  return present(dir, 'run "make build"');
}

function present(dir: string, remedy: string): string {
  if (existsSync(join(dir, "bridge"))) return dir;
  throw new Error(`Cannot find the plugin "bridge" in "${dir}": ${remedy}`);
}

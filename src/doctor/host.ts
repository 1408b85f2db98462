/** The host that is looked at: its kernel, and its files below a root. */
import { readdirSync, readFileSync } from "node:fs";
import type { Engine } from "../engine/engine.ts";
import { openEngine } from "../engine/engine.ts";

export interface Host extends Engine {
  /** Path of a file of the host as this process finds it: `/etc/cni/net.d`. */
  readonly file: (path: string) => string;
  /** Folders of plugins. */
  readonly pluginDirs: readonly string[];
  /** Folder of network configurations. */
  readonly confDir: string;
  /** Folder of the runtime's results. */
  readonly cacheDir: string;
}

export interface Dirs {
  readonly pluginDirs: readonly string[];
  readonly confDir: string;
  readonly cacheDir: string;
}

export const fieldDirs: Dirs = {
  pluginDirs: ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"],
  confDir: "/etc/cni/net.d",
  cacheDir: "/var/lib/cni",
};

/** The host that the process is on. */
export function openHost(dirs: Partial<Dirs> = {}): Host & Disposable {
  const engine = openEngine();
  return { ...fieldDirs, ...dirs, ...engine, file: (path) => path };
}

/** A file's text; undefined without one, or where it can't be read. */
export function textOf(host: Host, path: string): string | undefined {
  return tryTo(() => readFileSync(host.file(path), "utf8"));
}

/** Names in a folder, sorted; none without it. */
export function namesIn(host: Host, path: string): string[] {
  return (tryTo(() => readdirSync(host.file(path))) ?? []).sort();
}

function tryTo<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined) return undefined;
    throw error;
  }
}

/** The VM's first file system: busybox, the modules that reach the host's files, a script. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What stands between the bare kernel and the host's root over 9p under an overlay. */
const earlyModules = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

interface Entry {
  readonly path: string;
  /** Type and permissions, as in `stat`. */
  readonly mode: number;
  readonly content?: Uint8Array;
}

const folder = 0o040755;
const program = 0o100755;

/** An archive that the kernel unpacks. `modules` is its `lib/modules/<version>`. */
export function initramfs(modules: string, script: string): Uint8Array {
  const ordered = withDependencies(readFileSync(join(modules, "modules.dep"), "utf8"));
  const loaded = ordered.map((path, index): Entry => {
    const name = `modules/${String(index).padStart(2, "0")}.ko`;
    return { path: name, mode: 0o100644, content: readFileSync(join(modules, path)) };
  });
  const folders = ["bin", "dev", "modules", "proc", "sys", "host", "memory", "root", "channel"];
  return archive([
    ...folders.map((path) => ({ path, mode: folder })),
    { path: "bin/busybox", mode: program, content: readFileSync("/bin/busybox") },
    { path: "init", mode: program, content: new TextEncoder().encode(script) },
    ...loaded,
  ]);
}

/** Paths of the early modules and of what each stands on, in the order of loading. */
function withDependencies(table: string): string[] {
  const lines = table.split("\n").map((line) => line.split(/:? +|:$/).filter(Boolean));
  const found = new Set<string>();
  for (const name of earlyModules) {
    const line = lines.find(([path]) => path?.endsWith(`/${name}.ko`));
    if (!line) throw new Error(`The kernel package has no module "${name}"`);
    // modules.dep names the nearest last but needs them first to last: reversed it loads.
    for (const path of line.toReversed()) found.add(path);
  }
  return [...found];
}

/** Format "newc" of cpio. Source: the kernel's driver-api/early-userspace/buffer-format.rst. */
function archive(entries: readonly Entry[]): Uint8Array {
  const parts = [...entries.map(member), ...[{ path: "TRAILER!!!", mode: 0 }].map(member)];
  return new Uint8Array(Buffer.concat(parts));
}

function member({ path, mode, content = new Uint8Array() }: Entry, index: number): Uint8Array {
  const name = new TextEncoder().encode(`${path}\0`);
  const fields = [index + 1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const head = `070701${fields.map((value) => value.toString(16).padStart(8, "0")).join("")}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(head), name])), padded(content)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, new Uint8Array((4 - (bytes.length % 4)) % 4)]);
}

/** Has a store copied as a whole, and tells what was. */
import type { Call, Flags } from "./command.ts";
import type { backupFlags, migrateFlags, restoreFlags } from "./commands/store.ts";
import type { StoreCopying } from "./commands/store-copying.ts";
import { single, UsageError } from "./options.ts";

export async function backupStore(call: Call<typeof backupFlags>): Promise<number> {
  const file = fileOf(call, "netloom store backup FILE");
  const store = single(call.line, "store");
  const copying = { verb: "backup", file, ...(store !== undefined && { store }) } as const;
  return copy(call, copying, `Backing up to "${file}"`);
}

export async function restoreStore(call: Call<typeof restoreFlags>): Promise<number> {
  const usage = "netloom store restore FILE --store URL";
  const file = fileOf(call, usage);
  const store = needed(single(call.line, "store"), "store", usage);
  return copy(call, { verb: "restore", file, store }, `Restoring "${file}"`);
}

export async function migrateStore(call: Call<typeof migrateFlags>): Promise<number> {
  const usage = "netloom store migrate --from URL --to URL";
  const [extra] = call.line.operands;
  if (extra !== undefined) throw new UsageError(`"${extra}" is too much: ${usage}`);
  const from = needed(single(call.line, "from"), "from", usage);
  const to = needed(single(call.line, "to"), "to", usage);
  return copy(call, { verb: "migrate", from, to }, "Copying");
}

const done: Readonly<Record<StoreCopying["verb"], string>> = {
  backup: "Backed up",
  restore: "Restored",
  migrate: "Copied",
};

async function copy<F extends Flags>(
  { surroundings }: Call<F>,
  copying: StoreCopying,
  doing: string,
): Promise<number> {
  const { terminal } = surroundings;
  const end = terminal.progress(() => doing);
  const { entries, revision } = await surroundings.copyStore(copying).finally(end);
  const noun = entries === 1 ? "entry" : "entries";
  terminal.out(`${done[copying.verb]} ${entries} ${noun}, at revision ${revision}\n`);
  return 0;
}

function fileOf<F extends Flags>({ line }: Call<F>, usage: string): string {
  const [file, ...others] = line.operands;
  if (file === undefined || others.length > 0) throw new UsageError(`Name one file: ${usage}`);
  return file;
}

function needed(url: string | undefined, option: string, usage: string): string {
  if (url !== undefined) return url;
  throw new UsageError(`Option --${option} says which store is meant: ${usage}`);
}

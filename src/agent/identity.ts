/** Which agent this is: what its files belong to, whatever it is called and wherever it runs. */
import { beginSync } from "../engine/host-local/durable.ts";
import { readIfThere, replaceFile } from "../kernel/sys/whole-file.ts";

/** Made once, and durable before it is told. Throws FileError, StoreError. */
export function agentIdentity(folder: string): string {
  const path = `${folder}/identity`;
  const known = readIfThere(path)?.trim();
  if (known) return known;
  const made = crypto.randomUUID();
  replaceFile(path, `${made}\n`);
  beginSync([path, folder]).finish();
  return made;
}

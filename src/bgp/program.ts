/** The program `gobgpd`: where it is, and which release. */
import { statSync } from "node:fs";
import { supportOf } from "./version.ts";

/** The daemon can't be had; the message says what to do. */
export class BgpDaemonError extends Error {
  override readonly name = "BgpDaemonError";
}

/** Why there is no such program, and how to mend that; undefined: there is one. */
export function missingProgram(program = "gobgpd"): string | undefined {
  if (Bun.which(program)) return undefined;
  return (
    `Cannot speak BGP: the program "${program}" is missing. Install GoBGP 3, on Debian: ` +
    "apt-get install gobgpd"
  );
}

export class Program {
  readonly #name: string;
  #asked: { readonly file: string; readonly version: Promise<string> } | undefined;

  /** A path, or a name to be found in PATH. */
  constructor(name: string) {
    this.#name = name;
  }

  /** It is asked once for each file that it is. Throws BgpDaemonError. */
  version(): Promise<string> {
    const path = Bun.which(this.#name);
    if (!path) throw new BgpDaemonError(missingProgram(this.#name));
    const { ino, mtimeMs, size } = statSync(path);
    const file = [path, ino, mtimeMs, size].join();
    if (this.#asked?.file !== file) this.#asked = { file, version: ask(path) };
    return this.#asked.version;
  }
}

async function ask(path: string): Promise<string> {
  const child = Bun.spawn([path, "--version"], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const said = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const support = supportOf(said.join(""));
  if ("fault" in support) throw new BgpDaemonError(`Cannot use "${path}": ${support.fault}`);
  return support.version;
}

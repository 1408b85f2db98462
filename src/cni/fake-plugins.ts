/** Plugins for tests: scripts that note what they are called with and print what they are told. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

/** One call as a script saw it. */
export interface SeenCall {
  readonly verb: string;
  readonly plugin: string;
  readonly containerId: string;
  readonly netns: string;
  readonly ifName: string;
  readonly args: string;
  readonly path: string;
  readonly conf: Record<string, any>;
}

/** What a script does with a verb. */
export interface Behaviour {
  readonly prints?: unknown;
  /** Printed as it is. */
  readonly printsText?: string;
  readonly complains?: string;
  readonly exits?: number;
}

// Only what a shell has built in, so that a call takes a millisecond.
const script = `#!/bin/sh
d=\${0%/*}; n=\${0##*/}
IFS= read -r conf
printf '{"verb":"%s","plugin":"%s","containerId":"%s","netns":"%s","ifName":"%s","args":"%s","path":"%s","conf":%s}\\n' \\
  "$CNI_COMMAND" "$n" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_IFNAME" "$CNI_ARGS" "$CNI_PATH" "$conf" >>"$d/calls"
[ -f "$d/$n.$CNI_COMMAND" ] && . "$d/$n.$CNI_COMMAND"
exit 0
`;

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** A folder of such plugins; it goes with `[Symbol.dispose]`. */
export class FakePlugins implements Disposable {
  readonly folder = mkdtempSync(`${tmpdir()}/netloom-fakes-`);

  constructor(...types: readonly string[]) {
    for (const type of types) {
      writeFileSync(`${this.folder}/${type}`, script);
      chmodSync(`${this.folder}/${type}`, 0o755);
    }
  }

  /** From now on the plugin does this on the verb. */
  on(type: string, verb: string, { prints, printsText, complains, exits = 0 }: Behaviour): void {
    const text = printsText ?? (prints === undefined ? "" : JSON.stringify(prints));
    const lines = [
      `printf %s ${quote(text)}`,
      `printf %s ${quote(complains ?? "")} >&2`,
      `exit ${exits}`,
    ];
    writeFileSync(`${this.folder}/${type}.${verb}`, lines.join("\n"));
  }

  /** The calls so far, in order. */
  get calls(): SeenCall[] {
    const file = `${this.folder}/calls`;
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line));
  }

  /** `ADD bridge`, `DEL bridge` … */
  get order(): string[] {
    return this.calls.map(({ verb, plugin }) => `${verb} ${plugin}`);
  }

  forget(): void {
    rmSync(`${this.folder}/calls`, { force: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

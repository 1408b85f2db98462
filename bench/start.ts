/** Start-up: the executable's first line and a plugin's shortest run against a hello world. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { median, quantile } from "./statistics.ts";

const budget = 1.2; // docs/design/performance.md
/** Of `netloom version`. */
const versionMs = 40;

interface Program {
  readonly name: string;
  readonly command: readonly string[];
  readonly times: number[];
}

/** Lines that tell what start-up costs. Plugin directories that are not there are left out. */
export function startReport(ours: string, reference: string, rounds: number): string[] {
  const dir = mkdtempSync(`${tmpdir()}/netloom-start-`);
  try {
    const programs: Program[] = [
      { name: "compiled hello world", command: [helloWorld(dir)], times: [] },
      // Its own first lines and one that writes: what the budget is about.
      { name: "netloom version", command: [`${ours}/netloom`, "version"], times: [] },
      // The shortest run of a plugin.
      { name: "netloom, VERSION", command: [`${ours}/bridge`], times: [] },
      { name: "reference, VERSION", command: [`${reference}/bridge`], times: [] },
    ];
    const present = programs.filter(({ command }) => existsSync(command[0]!));
    for (let round = 0; round < rounds; round++) {
      for (const { command, times } of present) times.push(runMs(command));
    }
    return present.map((program) => line(program, median(present[0]!.times)));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function line({ name, times }: Program, base: number): string {
  const ratio = median(times) / base;
  const figures = [median(times), quantile(times, 0.99)].map((ms) => ms.toFixed(2).padStart(6));
  const verdict = ratio <= budget ? "pass" : "MISS";
  const inTime = median(times) <= versionMs ? "pass" : "MISS";
  const judged =
    name === "netloom version"
      ? `  <= ${budget.toFixed(2)} ${verdict}, <= ${versionMs} ms ${inTime}`
      : "";
  return `${name.padEnd(22)} ${figures.join(" ")}  ratio ${ratio.toFixed(2)}${judged}`;
}

function runMs(command: readonly string[]): number {
  const isPlugin = command.length === 1;
  const env: Record<string, string> = isPlugin ? { CNI_COMMAND: "VERSION" } : {};
  const start = Bun.nanoseconds();
  const stdin = Buffer.from('{"cniVersion":"1.0.0"}');
  const done = Bun.spawnSync([...command], { env, stdin, stdout: "pipe", stderr: "pipe" });
  const elapsed = (Bun.nanoseconds() - start) / 1e6;
  if (done.exitCode !== 0) throw new Error(`"${command[0]}" failed: ${done.stdout}${done.stderr}`);
  return elapsed;
}

/** Built with the product's flags, so that only its code differs. */
function helloWorld(dir: string): string {
  writeFileSync(`${dir}/hello.ts`, 'console.log("hello, world");\n');
  const flags = ["--compile", "--minify", "--bytecode", "--format=esm", "--splitting"];
  const closed = ["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"];
  const files = [`${dir}/hello.ts`, "--outfile", `${dir}/hello`];
  const done = Bun.spawnSync([process.execPath, "build", ...flags, ...closed, ...files]);
  if (done.exitCode !== 0) throw new Error(`Cannot build a hello world: ${done.stderr}`);
  return `${dir}/hello`;
}

if (import.meta.main) {
  const root = new URL("..", import.meta.url).pathname;
  console.log(startReport(`${root}dist/cni`, `${root}.cache/reference/1.9.1`, 200).join("\n"));
}

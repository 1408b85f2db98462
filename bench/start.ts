/** Start-up: a plugin's shortest run (VERSION) against a compiled hello world, alternating. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { median, quantile } from "./statistics.ts";

const budget = 1.2; // DESIGN.md, section 8

/** Lines that tell what start-up costs. Plugin directories that are not there are left out. */
export function startReport(ours: string, reference: string, rounds: number): string[] {
  const dir = mkdtempSync(`${tmpdir()}/netloom-start-`);
  try {
    const hello = helloWorld(dir);
    const programs = [
      { name: "compiled hello world", path: hello, times: [] as number[] },
      { name: "netloom", path: `${ours}/bridge`, times: [] as number[] },
      { name: "reference", path: `${reference}/bridge`, times: [] as number[] },
    ].filter(({ path }) => existsSync(path));
    for (let round = 0; round < rounds; round++) {
      for (const { path, times } of programs) times.push(runMs(path));
    }
    const base = median(programs[0]!.times);
    return programs.map(({ name, times }) => {
      const ratio = median(times) / base;
      const verdict = name === "netloom" ? `  <= ${budget.toFixed(2)} ${passOrMiss(ratio)}` : "";
      const figures = [median(times), quantile(times, 0.99)].map((ms) => ms.toFixed(2).padStart(6));
      return `${name.padEnd(22)} ${figures.join(" ")}  ratio ${ratio.toFixed(2)}${verdict}`;
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const passOrMiss = (ratio: number) => (ratio <= budget ? "pass" : "MISS");

function runMs(program: string): number {
  const env = { CNI_COMMAND: "VERSION" };
  const start = Bun.nanoseconds();
  const stdin = Buffer.from('{"cniVersion":"1.0.0"}');
  const done = Bun.spawnSync([program], { env, stdin, stdout: "pipe", stderr: "pipe" });
  const elapsed = (Bun.nanoseconds() - start) / 1e6;
  if (done.exitCode !== 0) throw new Error(`"${program}" failed: ${done.stdout}${done.stderr}`);
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

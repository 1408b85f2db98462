/** A process that is killed and started again, as by an operator's service manager. */
import { appendFileSync, closeSync, openSync } from "node:fs";
import { systemPath } from "../support/run.ts";

export interface Program {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where its standard error goes, appended. */
  readonly log: string;
}

/** Between an end of its own and the next start, as a service manager's pause. */
const restartMs = 200;

export class Supervised {
  readonly program: Program;
  /** With what it ended each time that it was not killed; its log says why. */
  readonly ownEnds: string[] = [];
  #process: Bun.Subprocess | undefined;

  constructor(program: Program) {
    this.program = program;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  start(): void {
    const { argv, env, log } = this.program;
    const stderr = openSync(log, "a");
    const process = Bun.spawn([...argv], {
      env: { PATH: systemPath, HOME: "/root", ...env },
      stdio: ["ignore", "ignore", stderr],
    });
    closeSync(stderr);
    this.#process = process;
    void process.exited.then(async () => {
      if (this.#process !== process) return;
      const end = `${this.program.name} ended by itself with ${process.exitCode ?? process.signalCode}`;
      this.ownEnds.push(end);
      appendFileSync(log, `${end}\n`);
      await Bun.sleep(restartMs);
      if (this.#process === process) this.start();
    });
  }

  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    process?.kill("SIGKILL");
    await process?.exited;
  }

  /** For a dying test: without waiting. */
  killNow(): void {
    const process = this.#process;
    this.#process = undefined;
    process?.kill("SIGKILL");
  }
}

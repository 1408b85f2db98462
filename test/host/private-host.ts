/** A host for tests: namespaces and mounts that vanish with the test, however it ends. */
import { readFileSync } from "node:fs";

/** The outside client's namespace inside the host, and both ends of the link to it. */
export const client = { netns: "client", ipv4: "198.51.100.2", ipv6: "2001:db8:1::2" } as const;
export const uplink = { name: "uplink", ipv4: "198.51.100.1", ipv6: "2001:db8:1::1" } as const;

export const root = new URL("../..", import.meta.url).pathname;

export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export class PrivateHost {
  readonly #holder: Bun.Subprocess<"pipe", "pipe", "inherit">;
  /** The host's first process, as the machine numbers it. */
  readonly pid: number;

  private constructor(holder: Bun.Subprocess<"pipe", "pipe", "inherit">, pid: number) {
    this.#holder = holder;
    this.pid = pid;
  }

  /** Starts one. Throws when this machine's kernel or user does not allow it. */
  static async start(): Promise<PrivateHost> {
    const namespaces = ["--net", "--mount", "--pid", "--ipc", "--fork", "--mount-proc"];
    const holder = Bun.spawn(
      ["unshare", ...namespaces, "--kill-child", "--propagation", "private"].concat(
        "sh",
        `${import.meta.dir}/set-up.sh`,
      ),
      { stdin: "pipe", stdout: "pipe", stderr: "inherit", env: { PATH: path } },
    );
    const { value } = await holder.stdout.getReader().read();
    if (new TextDecoder().decode(value).trim() !== "ready") {
      throw new Error("Cannot make a private host: run as root, with overlayfs in the kernel");
    }
    const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "utf8");
    return new PrivateHost(holder, Number(children.trim()));
  }

  /** Runs a command in the host to its end, whatever its exit code. */
  async attempt(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const child = this.spawn(command, options);
    const [exitCode, stdout, stderr] = await Promise.all([
      child.exited,
      child.stdout.text(),
      child.stderr.text(),
    ]);
    return { exitCode, stdout, stderr };
  }

  /** The same, for commands that must succeed. Returns standard output. */
  async run(command: readonly string[], options: RunOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.attempt(command, options);
    if (exitCode === 0) return stdout;
    throw new Error(`"${command.join(" ")}" exited with ${exitCode}: ${stderr}${stdout}`);
  }

  /** Starts a command in the host. It ends with the host at the latest. */
  spawn(command: readonly string[], options: RunOptions = {}) {
    return Bun.spawn(this.command(command), {
      env: { PATH: path, HOME: "/root", ...options.env },
      stdin: Buffer.from(options.stdin ?? ""),
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  /** Repeats a command until it succeeds, for ten seconds at most. */
  async until(command: readonly string[]): Promise<void> {
    const deadline = Date.now() + 10_000;
    while ((await this.attempt(command)).exitCode !== 0) {
      if (Date.now() > deadline) await this.run(command);
      await Bun.sleep(50);
    }
  }

  /** Writes a file in the host, and its directory. */
  async write(file: string, text: string): Promise<void> {
    await this.run(["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "sh", file], {
      stdin: text,
    });
  }

  /** Puts links to the plugins where runtimes look for them. */
  async installPlugins(dir: string): Promise<void> {
    await this.run(["sh", "-ec", 'ln -sf "$1"/* /opt/cni/bin/', "sh", dir]);
  }

  /** The command line that runs `command` in the host. */
  command(command: readonly string[]): string[] {
    return ["nsenter", `--target=${this.pid}`, "--net", "--mount", "--pid", "--ipc", ...command];
  }

  /** Ends all its processes; the rest goes with them. */
  async close(): Promise<void> {
    this.#holder.stdin.end();
    await this.#holder.exited;
  }
}

/** Removes a control group of the machine's with all below it, once its processes are gone. */
export async function removeCgroup(name: string): Promise<void> {
  const groups = ["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", `*/${name}*`];
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const remove = Bun.spawn([...groups, "-exec", "rmdir", "{}", "+"], { stderr: "ignore" });
    if ((await remove.exited) === 0) return;
    await Bun.sleep(50);
  }
  throw new Error(`Cannot remove control group "${name}": processes are left in it`);
}

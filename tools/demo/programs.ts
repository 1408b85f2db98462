/** Programs that the demo runs, in its host or in one of its containers. */
import { DemoError } from "./report.ts";

/** Runs a program to its end and gives its standard output. Throws DemoError with what it said. */
export async function run(
  argv: readonly string[],
  options: { netns?: string; stdin?: string; cwd?: string } = {},
): Promise<string> {
  const child = Bun.spawn(within(argv, options.netns), {
    stdin: new TextEncoder().encode(options.stdin ?? ""),
    stdout: "pipe",
    stderr: "pipe",
    cwd: options.cwd,
    timeout: 20_000,
    killSignal: "SIGKILL",
  });
  const [out, err, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (status === 0) return out;
  throw new DemoError(`"${argv.join(" ")}" failed: ${(err + out).trim() || `exit ${status}`}`);
}

/** Starts a web server that stays until the demo ends. */
export async function serve(netns: string, folder: string): Promise<Bun.Subprocess> {
  const argv = ["busybox", "httpd", "-f", "-p", "80", "-h", folder];
  const server = Bun.spawn(within(argv, netns), { stdio: ["ignore", "ignore", "ignore"] });
  for (let tries = 0; tries < 100; tries++) {
    const listening = await run(["ss", "-Hltn", "sport", "=", ":80"], { netns });
    if (listening !== "") return server;
    await Bun.sleep(5);
  }
  throw new DemoError(`The web server in "${netns}" does not listen`);
}

/** Pings three times and says how many answered and how fast. Throws where one did not. */
export async function ping(netns: string, address: string): Promise<string> {
  const argv = ["busybox", "ping", "-q", "-c", "3", "-i", "0.1", "-W", "2", address];
  const said = await run(argv, { netns });
  const [, received] = /(\d+) packets received/.exec(said) ?? [];
  const [, average] = /= [\d.]+\/([\d.]+)\//.exec(said) ?? [];
  if (received !== "3")
    throw new DemoError(`"${netns}" got ${received} of 3 answers from ${address}`);
  return `3 of 3 answered, ${Number(average).toFixed(2)} ms each`;
}

/** Where a page is, and in which namespace somebody asks for it; absent: the host. */
export interface Page {
  readonly netns: string | undefined;
  readonly address: string;
  readonly port: number;
}

/** Fetches the greeting and gives its text. Throws DemoError with what came instead. */
export async function fetchPage({ netns, address, port }: Page): Promise<string> {
  const stdin = "GET /cgi-bin/page HTTP/1.0\r\n\r\n";
  const argv = ["busybox", "nc", "-w", "3", address, String(port)];
  const said = await run(argv, { netns, stdin });
  const [head = "", page = ""] = said.split(/\r?\n\r?\n/, 2);
  if (head.includes(" 200 ")) return page.trim();
  throw new DemoError(`http://${address}:${port} answered: ${said.trim() || "nothing"}`);
}

function within(argv: readonly string[], netns: string | undefined): string[] {
  return netns === undefined ? [...argv] : ["nsenter", `--net=/run/netns/${netns}`, ...argv];
}

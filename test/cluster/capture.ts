/** What passes a link, by tcpdump. */
import { inside, systemPath } from "../support/run.ts";

/** tcpdump's lines, and how many packets. */
export interface Heard {
  readonly lines: readonly string[];
}

export interface Wire {
  readonly netns: string;
  readonly link: string;
  readonly filter: string;
}

/** The kernel hands packets on within so long. */
const settleMs = 300;

/** Listens from before `work` until it is done. */
export async function capture(wire: Wire, work: () => Promise<unknown>): Promise<Heard> {
  const { netns, link, filter } = wire;
  const argv = ["tcpdump", "-lnnet", "--immediate-mode", "-i", link, filter];
  const child = Bun.spawn(inside(argv, netns), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: systemPath },
  });
  const heard = new Response(child.stdout).text();
  try {
    await listening(child.stderr);
    await work();
    await Bun.sleep(settleMs);
  } finally {
    child.kill("SIGINT");
    await child.exited;
  }
  return { lines: (await heard).split("\n").filter((line) => line !== "") };
}

async function listening(stderr: ReadableStream<Uint8Array>): Promise<void> {
  let said = "";
  const reader = stderr.getReader();
  while (!said.includes("listening on")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`Cannot listen: ${said}`);
    said += new TextDecoder().decode(value);
  }
}

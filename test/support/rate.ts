/** How fast a TCP stream between two namespaces gets on, as its receiver counts. */
import { join } from "node:path";
import { inside, run, systemPath } from "./run.ts";

/** From which namespace to which. `address` is the receiver's. */
export interface Stream {
  readonly from: string;
  readonly to: string;
  readonly address: string;
}

const port = 5201;
const script = join(import.meta.dir, "rate-end.ts");

/** Bits of payload a second, once the stream has settled. */
export async function rateOf({ from, to, address }: Stream, milliseconds = 2500): Promise<number> {
  const receiver = Bun.spawn(inside([process.execPath, script, "receive", String(port)], to), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    env: { PATH: systemPath },
  });
  try {
    let text = "";
    const said = receiver.stdout.pipeThrough(new TextDecoderStream()).getReader();
    while (!text.includes("ready")) text += await next(said);
    const words = ["send", address, String(port), String(milliseconds)];
    const sent = await run([process.execPath, script, ...words], { netns: from });
    if (sent.status !== 0) throw new Error(`Cannot send to ${address}: ${sent.stderr}`);
    while (!text.includes("}")) text += await next(said);
    return JSON.parse(text.slice(text.indexOf("{"))).rate;
  } finally {
    receiver.kill("SIGKILL");
    await receiver.exited;
  }
}

async function next(reader: {
  read(): Promise<{ value?: string; done: boolean }>;
}): Promise<string> {
  const { value, done } = await reader.read();
  if (done || value === undefined)
    throw new Error("The receiver of a stream has ended before it told its rate");
  return value;
}

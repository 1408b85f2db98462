/**
 * The tunnel: `netloom udp-tunnel JSON`, begun by the agent. It goes on when its agent is gone, as
 * the kernel would, until the next agent's takes its place or its link goes.
 */
import { Waiter } from "../kernel/sys/datagrams.ts";
import { readSync, writeAllSync } from "../kernel/sys/files.ts";
import { SysError } from "../kernel/sys/libc.ts";
import { Forwarder } from "./forwarder.ts";
import { openTunnel } from "./open-tunnel.ts";
import type { TunnelAnswer, TunnelCounters, TunnelRequest, TunnelSettings } from "./words.ts";

const [input, output] = [0, 1];
const none: TunnelCounters = {
  ...{ sent: 0, received: 0, unroutable: 0, unsent: 0, forged: 0, refused: 0 },
};

/** Gives the exit status. There is no event loop in it: nothing else goes on in this process. */
export async function runTunnelCommand(words: readonly string[]): Promise<number> {
  try {
    serve(JSON.parse(words[0] ?? "") as TunnelSettings);
    return 0;
  } catch (error) {
    console.error(`netloom: the udp tunnel ends: ${(error as Error).message}`);
    return 1;
  }
}

function serve(settings: TunnelSettings): void {
  const requests = new Requests();
  answer({ counters: none });
  const asked = new Waiter([input]);
  // Before it knows for whom, it carries nothing: an earlier process goes on until then.
  while (!requests.isWaiting) {
    asked.wait();
    if (!requests.read()) return;
  }
  const { tun, udp } = openTunnel(settings);
  const forwarder = new Forwarder({ tun, udp });
  const sockets = [udp.ipv4, udp.ipv6].filter((fd) => fd >= 0);
  let waiter = new Waiter([tun, ...sockets, input]);
  const last = 1 + sockets.length;
  requests.heed(forwarder);
  for (let isHeard = true; ; ) {
    waiter.wait();
    if (waiter.has(0)) forwarder.takeOut();
    for (let i = 0; i < sockets.length; i++) if (waiter.has(1 + i)) forwarder.takeIn(sockets[i]!);
    if (!isHeard || !waiter.has(last)) continue;
    isHeard = requests.read();
    if (isHeard) requests.heed(forwarder);
    else waiter = new Waiter([tun, ...sockets]);
  }
}

const answer = (answer: TunnelAnswer): void => writeAllSync(output, `${JSON.stringify(answer)}\n`);

/** Lines from the agent. */
class Requests {
  readonly #decoder = new TextDecoder();
  readonly #buffer = new Uint8Array(65_536);
  #lines: string[] = [];
  #text = "";

  get isWaiting(): boolean {
    return this.#lines.length > 0;
  }

  /** False at the end: the agent is gone. */
  read(): boolean {
    const count = readSync(input, this.#buffer);
    if (count === 0) return false;
    this.#text += this.#decoder.decode(this.#buffer.subarray(0, count), { stream: true });
    const lines = this.#text.split("\n");
    this.#text = lines.pop()!;
    this.#lines.push(...lines);
    return true;
  }

  /** Does and answers all that wait. Throws SysError. */
  heed(forwarder: Forwarder): void {
    for (const line of this.#lines.splice(0)) answer(outcome(line, forwarder));
  }
}

function outcome(line: string, forwarder: Forwarder): TunnelAnswer {
  try {
    const { peers } = JSON.parse(line) as TunnelRequest;
    if (peers) forwarder.setPeers(peers);
    return { counters: forwarder.counters };
  } catch (error) {
    if (error instanceof SysError) throw error;
    return { error: (error as Error).message };
  }
}

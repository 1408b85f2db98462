/** The tunnel: `netloom udp-tunnel JSON`, begun by the agent, ends when its input does. */
import { getLink } from "../kernel/netlink/link-info.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { openUdp, Waiter } from "../kernel/sys/datagrams.ts";
import { readSync, writeAllSync } from "../kernel/sys/files.ts";
import { SysError } from "../kernel/sys/libc.ts";
import { openTun } from "../kernel/tap.ts";
import { isIp } from "../lib/ip.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { Forwarder } from "./forwarder.ts";
import type { TunnelAnswer, TunnelRequest, TunnelSettings } from "./words.ts";

const [input, output] = [0, 1];

/** Gives the exit status. There is no event loop in it: nothing else goes on in this process. */
export async function runTunnelCommand(words: readonly string[]): Promise<number> {
  try {
    const { link, local } = JSON.parse(words[0] ?? "") as TunnelSettings;
    if (!isThere(link)) throw new Error(`there is no link "${link}"`);
    const endOf = (isIpv6: boolean) =>
      local.find(({ address }) => address.includes(":") === isIpv6);
    if (local.some(({ address }) => !isIp(address)))
      throw new RangeError("a local end is no address");
    const open = (end: ReturnType<typeof endOf>) => (end ? openUdp(end) : -1);
    const udp = { ipv4: open(endOf(false)), ipv6: open(endOf(true)) };
    serve(openTun(link), udp);
    return 0;
  } catch (error) {
    console.error(`netloom: the udp tunnel ends: ${(error as Error).message}`);
    return 1;
  }
}

/** The agent made it: one that the kernel made for us would be nobody's when we end. */
function isThere(name: string): boolean {
  using socket = new NetlinkSocket("route", hostNetns);
  return getLink(socket, { name }) !== undefined;
}

function serve(tun: number, udp: { readonly ipv4: number; readonly ipv6: number }): void {
  const forwarder = new Forwarder({ tun, udp });
  const sockets = [udp.ipv4, udp.ipv6].filter((fd) => fd >= 0);
  const waiter = new Waiter([input, tun, ...sockets]);
  const requests = new Requests(forwarder);
  requests.answer();
  for (;;) {
    waiter.wait();
    if (waiter.has(1)) forwarder.takeOut();
    for (let i = 0; i < sockets.length; i++) if (waiter.has(2 + i)) forwarder.takeIn(sockets[i]!);
    if (waiter.has(0) && !requests.read()) return;
  }
}

/** Lines from the agent, and the answers. */
class Requests {
  readonly #forwarder: Forwarder;
  readonly #decoder = new TextDecoder();
  readonly #buffer = new Uint8Array(65_536);
  #text = "";

  constructor(forwarder: Forwarder) {
    this.#forwarder = forwarder;
  }

  /** False at the end: the agent is gone. */
  read(): boolean {
    const count = readSync(input, this.#buffer);
    if (count === 0) return false;
    this.#text += this.#decoder.decode(this.#buffer.subarray(0, count), { stream: true });
    const lines = this.#text.split("\n");
    this.#text = lines.pop()!;
    for (const line of lines) this.#heed(line);
    return true;
  }

  #heed(line: string): void {
    try {
      const { peers } = JSON.parse(line) as TunnelRequest;
      if (peers) this.#forwarder.setPeers(peers);
      this.answer();
    } catch (error) {
      if (error instanceof SysError) throw error;
      this.#say({ error: (error as Error).message });
    }
  }

  answer(): void {
    this.#say({ counters: this.#forwarder.counters });
  }

  #say(answer: TunnelAnswer): void {
    writeAllSync(output, `${JSON.stringify(answer)}\n`);
  }
}

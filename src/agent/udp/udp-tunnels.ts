/** The tunnels that this host's networks with backend `udp` need, each a process. */
import type { Log } from "../../lib/log.ts";
import { udpPort } from "../../model/encapsulation.ts";
import { difference, type Entries, keyed, type TunnelEntry } from "../routed/entries.ts";
import { peersOf, tunnelsOf } from "./peers.ts";
import { UdpTunnel, type UdpTunnelSettings } from "./udp-tunnel.ts";

interface About extends Pick<UdpTunnelSettings, "command"> {
  readonly log: Log;
  /** One serves, or does no more, or is gone. */
  readonly onNews: () => void;
}

interface Running {
  readonly local: string;
  readonly tunnel: UdpTunnel;
  entries: Entries<TunnelEntry>;
  /** What it is not told yet. */
  next?: Entries<TunnelEntry>;
  isTelling: boolean;
}

export class UdpTunnels implements AsyncDisposable {
  readonly #about: About;
  /** By device. */
  readonly #running = new Map<string, Running>();
  readonly #ending = new Map<string, Promise<void>>();

  constructor(about: About) {
    this.#about = about;
  }

  /** What they are told. */
  get applied(): Entries<TunnelEntry> {
    return keyed([...this.#running.values()].flatMap(({ entries }) => [...entries.values()]));
  }

  /** Why packets don't pass: a sentence each. */
  get troubles(): string[] {
    return [...this.#running.values()].flatMap(({ tunnel: { trouble } }) => trouble ?? []);
  }

  serves(device: string): boolean {
    return this.#running.get(device)?.tunnel.serves ?? false;
  }

  /** Ends those that are not wanted so. Gives the devices that a process has still. */
  release(wanted: Entries<TunnelEntry>): string[] {
    const now = tunnelsOf(wanted);
    for (const [device, { local, tunnel }] of this.#running) {
      if (now.get(device)?.local === local) continue;
      this.#running.delete(device);
      const ended = tunnel[Symbol.asyncDispose]().then(() => {
        this.#ending.delete(device);
        this.#about.onNews();
      });
      this.#ending.set(device, ended);
    }
    return [...this.#ending.keys()];
  }

  /** Begins those that there are not, on devices that are there, and tells all of their peers. */
  want(wanted: Entries<TunnelEntry>, isThere: (device: string) => boolean): void {
    for (const [device, { local, entries }] of tunnelsOf(wanted)) {
      if (this.#ending.has(device)) continue;
      const before = this.#running.get(device);
      if (before) this.#tell(before, entries);
      else if (isThere(device)) this.#begin(device, { local, entries });
    }
  }

  /** Those that run go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { tunnel } of this.#running.values()) tunnel.leave();
    this.#running.clear();
    await Promise.all(this.#ending.values());
  }

  #begin(device: string, own: { readonly local: string; readonly entries: Entries<TunnelEntry> }) {
    const { local, entries } = own;
    const ends = [{ address: local, port: udpPort }];
    const tunnel = new UdpTunnel({ ...this.#about, link: device, local: ends });
    const running = { local, entries: new Map(), tunnel, isTelling: false };
    this.#running.set(device, running);
    this.#tell(running, entries);
    // It tells its log and `trouble`, and goes on trying.
    tunnel.start().catch(() => {});
  }

  #tell(running: Running, entries: Entries<TunnelEntry>): void {
    const { set, gone } = difference(running.entries, entries);
    if (set.length === 0 && gone.length === 0) return;
    running.entries = entries;
    running.next = entries;
    if (!running.isTelling) this.#tellAll(running);
  }

  /** One telling at a time: what changed meanwhile goes with the next. */
  async #tellAll(running: Running): Promise<void> {
    running.isTelling = true;
    while (running.next) {
      const peers = peersOf(running.next, udpPort);
      delete running.next;
      await running.tunnel.setPeers(peers).catch((error: Error) => {
        this.#about.log({ level: "warn", event: "udp tunnel not told", error: error.message });
      });
    }
    running.isTelling = false;
  }
}

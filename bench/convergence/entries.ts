/** What an agent's kernel knows of other hosts, counted as it comes. */
import { rtm } from "../../src/kernel/netlink/rtm.ts";
import { Watch } from "../../src/kernel/netlink/watch.ts";
import { shell } from "../../test/support/run.ts";
import type { Elsewhere } from "./objects.ts";

export interface Expected {
  /** In the host's namespace: routes, next hops, forwarding entries. */
  readonly host: number;
  readonly overlay: number;
}

/** Two blocks a host of two routed networks, and of the overlay three entries a port. */
export const expectedOf = ({ hosts, ports }: Elsewhere, isOverlay: boolean): Expected => ({
  host: hosts * (2 + 2 * 2),
  overlay: isOverlay ? hosts + 3 * ports : 0,
});

export const pathOf = (netns: string): string => `/var/run/netns/${netns}`;

/** Takes all of it away, as a boot does. */
export async function wipe(netns: string, overlay: string | undefined): Promise<void> {
  const vxlans = (inside: string) =>
    `for link in $(${inside} ip -o link show type vxlan | cut -d: -f2 | cut -d@ -f1); do
      ${inside} ip link del $link; done`;
  await shell(
    `${vxlans("")}
    for family in -4 -6; do ip $family route flush proto 108 metric 10800; done`,
    { netns },
  );
  if (overlay === undefined) return;
  const inside = `nsenter --net=${overlay}`;
  await shell(`${vxlans(inside)}
    for bridge in $(${inside} ip -o link show type bridge | cut -d: -f2); do
      ${inside} ip neigh flush nud permanent dev $bridge; done`);
}

/** Hears of entries from its construction on. */
export class Entries implements AsyncDisposable {
  readonly #watches: readonly Counted[];

  constructor(netns: string, overlay: string | undefined) {
    this.#watches = [pathOf(netns), ...(overlay === undefined ? [] : [overlay])].map(
      (path) => new Counted(path),
    );
  }

  /** When the last of so many was there: milliseconds since the epoch. */
  async all({ host, overlay }: Expected): Promise<number> {
    const wanted = [host, overlay];
    const end = performance.now() + 120_000;
    for (;;) {
      const late = this.#watches.findIndex(({ timesMs }, i) => timesMs.length < wanted[i]!);
      if (late === -1) break;
      if (performance.now() > end) {
        const had = this.#watches[late]!.timesMs.length;
        throw new Error(`The kernel has ${had} of ${wanted[late]} entries after 120 s`);
      }
      await Bun.sleep(20);
    }
    return Math.max(...this.#watches.map(({ timesMs }, i) => timesMs[wanted[i]! - 1]!));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watch of this.#watches) await watch[Symbol.asyncDispose]();
  }
}

/** New neighbours, forwarding entries and routes of a namespace: when each was told of. */
class Counted implements AsyncDisposable {
  readonly timesMs: number[] = [];
  readonly #watch: Watch;
  readonly #reading: Promise<void>;

  constructor(netns: string) {
    const groups = [3, 7, 11];
    this.#watch = new Watch({ protocol: "route", groups, netns, bufferBytes: 256 << 20 });
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for await (const told of this.#watch) {
      if (told === "lost") throw new Error("The kernel told more than could be counted");
      const now = performance.timeOrigin + performance.now();
      for (const { type } of told) {
        if (type === rtm.newNeigh || type === rtm.newRoute) this.timesMs.push(now);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]();
    await this.#reading;
  }
}

/**
 * Which agent of a network namespace keeps routes between hosts and speaks BGP: routes bear no mark
 * of whose they are, so to another agent they were strays, and of two daemons one has the port. A
 * socket's name stands for it, which the kernel has once a namespace, and frees with its process.
 * Source: unix(7), abstract sockets.
 */
import { openSocketIn } from "../../kernel/netns/netns.ts";
import { closeSync } from "../../kernel/sys/files.ts";
import { bind, SysError } from "../../kernel/sys/libc.ts";
import { hostNetns } from "../../model/kernel-object.ts";

const [afUnix, datagram, addressInUse] = [1, 2, 98];
const name = "\0netloom/routes-between-hosts";

/** What mends that another one is it. */
export const soleRemedy =
  "and one may: end that one, or run this one in a network namespace of its own";

export class Sole implements Disposable {
  readonly #netns: string;
  #fd: number | undefined;

  constructor(netns: string = hostNetns) {
    this.#netns = netns;
  }

  /** Whether it is this one, from now on. Throws SysError, NetnsError. */
  isTaken(): boolean {
    if (this.#fd !== undefined) return true;
    const fd = openSocketIn(this.#netns, { family: afUnix, type: datagram, protocol: 0 });
    const address = new Uint8Array([afUnix, 0, ...new TextEncoder().encode(name)]);
    try {
      bind(fd, address);
    } catch (error) {
      closeSync(fd);
      if (error instanceof SysError && error.errno === addressInUse) return false;
      throw error;
    }
    this.#fd = fd;
    return true;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

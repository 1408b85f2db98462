/** Removes links for a resident process: together where they come together, and off its thread. */
import { getLink } from "../kernel/netlink/link-info.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import type { Namespace } from "./kernel-session.ts";
import { deletionOf } from "./link-removal.ts";

interface Wish {
  readonly name: string;
  readonly done: PromiseWithResolvers<void>;
}

/** What is on its way in one namespace. */
interface Queue {
  readonly waiting: Wish[];
  readonly running: Promise<void>;
}

/** As many go in one datagram. */
const mostAtOnce = 400;
const pauseMs = 1;

/**
 * The kernel takes a link out of everybody's sight within a millisecond or two, and works on for
 * long: callers go on once it is out of sight. A group at a time: who comes meanwhile makes the
 * next.
 */
export class LinkRemover implements AsyncDisposable {
  readonly #queues = new Map<string, Queue>();

  /** Waits until the kernel is done with everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#queues.values()].map(({ running }) => running));
  }

  /** Resolves once no link of that name is there; none is fine. Throws NetlinkError. */
  async remove(namespace: Namespace, name: string): Promise<void> {
    const done = Promise.withResolvers<void>();
    // A path may be another namespace's by now.
    const key = namespace.cookie ?? namespace.path;
    const queue = this.#queues.get(key);
    if (queue) queue.waiting.push({ name, done });
    else this.#begin(namespace, key, { name, done });
    await done.promise;
  }

  /** Opens what it needs at once: the caller closes the namespace when it has what it wants. */
  #begin(namespace: Namespace, key: string, first: Wish): void {
    using opened = new DisposableStack();
    const open = () => opened.use(namespace.inside(() => new NetlinkSocket("route")));
    const sockets = { worker: open(), watcher: open() };
    const waiting = [first];
    const running = this.#work(key, waiting, { ...sockets, kept: opened.move() });
    this.#queues.set(key, { waiting, running });
  }

  async #work(key: string, waiting: Wish[], sockets: Sockets): Promise<void> {
    using _kept = sockets.kept;
    // Those who come at once go along.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) await removeAll(waiting.splice(0, mostAtOnce), sockets);
    // At once, so that nobody waits here for what is over.
    this.#queues.delete(key);
  }
}

interface Sockets {
  readonly worker: NetlinkSocket;
  /** Serves while the other is at work. */
  readonly watcher: NetlinkSocket;
  readonly kept: Disposable;
}

/** Never throws: each who waits is told. */
async function removeAll(wishes: readonly Wish[], { worker, watcher }: Sockets): Promise<void> {
  const left = new Set(wishes);
  try {
    const begun = worker.begin(deletionOf(wishes));
    while (!begun.isDone()) {
      if (left.size > 0) tellGone(left, watcher);
      await Bun.sleep(pauseMs);
    }
    begun.finish();
    for (const { done } of left) done.resolve();
  } catch (error) {
    for (const { done } of left) done.reject(error);
  }
}

function tellGone(left: Set<Wish>, watcher: NetlinkSocket): void {
  for (const wish of left) {
    // All of a group go at one moment: one that is there is enough to know.
    if (getLink(watcher, { name: wish.name })) return;
    left.delete(wish);
    wish.done.resolve();
  }
}

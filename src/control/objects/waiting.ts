/** Who waits for changes, by topic: a change costs nothing to those whom it does not concern. */
import { everything } from "./topics.ts";

/** Wakes one; up to this revision there was nothing for it. */
type Wake = (before: number) => void;

export class Waiting {
  readonly #byTopic = new Map<string, Set<Wake>>();
  readonly #all = new Set<Wake>();

  get size(): number {
    return this.#all.size;
  }

  /**
   * Until something of these topics comes, or the signal fires. Gives the revision up to which
   * there was nothing; 0 where that is not known.
   */
  forTopics(topics: readonly string[], ends: AbortSignal): Promise<number> {
    return new Promise((resolve) => {
      const wake = (before: number) => {
        this.#remove(topics, wake);
        ends.removeEventListener("abort", end);
        resolve(before);
      };
      const end = () => wake(0);
      this.#add(topics, wake);
      ends.addEventListener("abort", end);
      if (ends.aborted) end();
    });
  }

  /** Something of these topics came after this revision. */
  wake(topics: readonly string[], before: number): void {
    const meant = new Set<Wake>();
    for (const topic of [...topics, ...everything]) {
      for (const wake of this.#byTopic.get(topic) ?? []) meant.add(wake);
    }
    for (const wake of meant) wake(before);
  }

  wakeAll(before: number): void {
    for (const wake of [...this.#all]) wake(before);
  }

  #add(topics: readonly string[], wake: Wake): void {
    this.#all.add(wake);
    for (const topic of topics) {
      const others = this.#byTopic.get(topic);
      if (others) others.add(wake);
      else this.#byTopic.set(topic, new Set([wake]));
    }
  }

  #remove(topics: readonly string[], wake: Wake): void {
    this.#all.delete(wake);
    for (const topic of topics) {
      const others = this.#byTopic.get(topic);
      others?.delete(wake);
      if (others?.size === 0) this.#byTopic.delete(topic);
    }
  }
}

/** Work that goes on by itself, on another thread or in the kernel. */

export interface Begun<T = void> {
  /** Waits until it is done and gives what came of it. Throws what it failed with. */
  finish(): T;
}

/** For those who have nothing to wait for. */
export const done: Begun = { finish() {} };

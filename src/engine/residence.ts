/** What a process that stays keeps from one session to the next. */
import type { KernelNft } from "../kernel/nft/kernel-nft.ts";
import { LinkRemover } from "./link-remover.ts";

export class Residence implements AsyncDisposable {
  /** What removes links while the process does something else. */
  readonly remover = new LinkRemover();
  #nft: KernelNft | undefined;

  /**
   * The one that all sessions use. Its socket stays open: after a change the kernel lets whoever
   * closes it wait until what was deleted is free, some 4 ms.
   */
  nft(open: () => KernelNft): KernelNft {
    this.#nft ??= open();
    return this.#nft;
  }

  /** Waits until the kernel is done with everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.remover[Symbol.asyncDispose]();
    this.#nft?.[Symbol.dispose]();
    this.#nft = undefined;
  }
}

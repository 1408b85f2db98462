/**
 * When to remove what networks that are gone leave: after a pass of the loop, but beside it. It
 * waits until nobody attaches, and no change must wait for that.
 */

const periodMs = 10_000;

export class Cleaning {
  // What went while no agent was there is found at the start.
  #isWanted = true;
  /** A pass that failed may leave something later. */
  #isLeft = false;
  #isDue = false;

  /** A network went. */
  want(): void {
    this.#isWanted = true;
  }

  /**
   * After a pass, which gives whether nothing failed: whether there is to sweep now. After one that
   * failed it is done with the next period: what fails may do so with each pass.
   */
  async after(pass: () => Promise<boolean>): Promise<boolean> {
    const isNew = this.#isWanted;
    const isWanted = isNew || this.#isLeft;
    this.#isWanted = false;
    this.#isLeft = !(await pass()) && isWanted;
    this.#isDue ||= isWanted;
    return isNew;
  }

  /** Sweeps where that is due, and again after a failure. Gives when to look again, in ms. */
  async sweep(clean: () => Promise<boolean>): Promise<number> {
    if (!this.#isDue) return periodMs;
    this.#isDue = false;
    if (!(await clean())) this.#isDue = true;
    return periodMs;
  }
}

/** Two attachments want the same thing. */

/** An address, a port or a name is held by another. The message says by whom. */
export class ConflictError extends Error {
  override readonly name: string = "ConflictError";
}

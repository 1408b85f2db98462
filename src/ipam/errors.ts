/** What can go wrong with addresses besides wrong input. The edges know these errors by name. */

/** No address is free. */
export class ExhaustedError extends Error {
  override readonly name = "ExhaustedError";
}

/** What is asked for is held already, by the asker or by another. */
export class ConflictError extends Error {
  override readonly name = "ConflictError";
}

/** The attachment's addresses are not as its result says. */
export class CheckError extends Error {
  override readonly name = "CheckError";
}

/** ADD cannot be served now. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
}

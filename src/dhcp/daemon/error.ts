/** What the daemon refuses, by names that its callers know. */

/** No lease was to be had, or none is held. Another try may do better. */
export class LeaseError extends Error {
  override readonly name = "LeaseError";
}

/** The container's link or namespace is not as it must be. */
export class LinkError extends Error {
  override readonly name = "LinkError";
}

/** The folder of leases can't be read or written. */
export class StoreError extends Error {
  override readonly name = "StoreError";

  constructor(action: string, cause: unknown) {
    const { code, message } = cause as { code?: string; message: string };
    const isFull = code === "ENOSPC" || code === "EDQUOT";
    const reason = isFull ? `the disk is full: free some space (${code})` : message;
    super(`Cannot ${action}: ${reason}`, { cause });
  }
}

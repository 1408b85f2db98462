/** How the executable's exit status tells what went wrong. */
import { UsageError } from "./options.ts";

/** What each status means of a command that asks the server. */
export const exitStatuses: Readonly<Record<number, string>> = {
  0: "all went well",
  1: "something else failed",
  2: "the command line can't be understood",
  3: "an object was not found",
  4: "it exists already, was changed meanwhile, or is in use",
  5: "unauthorized or forbidden",
  6: "no server could be reached",
  7: "the server refused an object as invalid",
  8: "it took too long",
};

/** Commands whose statuses mean more than that, or other things. */
const ownStatuses: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  diff: { 1: "differences were found, or something else failed" },
  doctor: {
    0: "all is well",
    1: "there is a warning",
    2: "there is a fault, or the command line can't be understood",
  },
  sandbox: { 1: "the sandbox could not be made", other: "the command's own" },
};

/** What a command may end with, in the order of statuses. `asks`: the server, or the store. */
export function statusesOf(name: string, asks?: "server" | "store"): [string, string][] {
  const storeAlone = ["0", "1", "2", "3", "4", "6"];
  const may = Object.entries(exitStatuses).filter(([status]) =>
    asks === "server" ? true : asks === "store" ? storeAlone.includes(status) : status < "3",
  );
  return Object.entries({ ...Object.fromEntries(may), ...ownStatuses[name] });
}

/** Kubernetes' reason of a `Status` → exit status. */
const ofReason: Readonly<Record<string, number>> = {
  NotFound: 3,
  AlreadyExists: 4,
  Conflict: 4,
  Unauthorized: 5,
  Forbidden: 5,
  ServiceUnavailable: 6,
  Invalid: 7,
  BadRequest: 7,
  UnsupportedMediaType: 7,
  RequestEntityTooLarge: 7,
  Timeout: 8,
};

/** Errors of other rooms, by their names. */
const ofName: Readonly<Record<string, number>> = {
  UnreachableError: 6,
  StoreUrlError: 2,
  NoStoreError: 3,
  StoreInUseError: 4,
  StoreUnavailableError: 6,
};

/** Somebody still uses what was to go. */
export class InUse extends Error {
  override readonly name = "InUse";
}

/** What was waited for did not come in time. */
export class TimedOut extends Error {
  override readonly name = "TimedOut";
  readonly isTimeout = true;
}

/** The exit status for an error. Of several, the first one's that is not just 1. */
export function exitStatusOf(error: unknown): number {
  if (error instanceof AggregateError)
    return error.errors.map(exitStatusOf).find((n) => n !== 1) ?? 1;
  if (error instanceof UsageError) return 2;
  if (error instanceof InUse) return 4;
  if ((error as { readonly isTimeout?: unknown })?.isTimeout === true) return 8;
  return ofReason[reasonOf(error) ?? ""] ?? ofName[(error as Error)?.name] ?? 1;
}

/** The `reason` of the server's answer, where the error is one. */
export function reasonOf(error: unknown): string | undefined {
  const { status } = (error ?? {}) as { readonly status?: { readonly reason?: unknown } };
  return typeof status?.reason === "string" ? status.reason : undefined;
}

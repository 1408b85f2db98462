/** The one table from errors to CNI's error codes. */
import { latestVersion } from "./types.ts";

/**
 * Codes below 100 are the specification's; 100 and up are ours.
 * 8 is the reference's for a wrong namespace.
 */
export const cniCodes = {
  version: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  environment: 4,
  io: 5,
  decoding: 6,
  config: 7,
  netns: 8,
  tryLater: 11,
  unavailable: 50,
  /** The kernel refused what was asked. */
  kernel: 100,
  /** No address is free. */
  exhausted: 101,
  /** An address, port or name is held by another. */
  conflict: 102,
  /** CHECK found that the attachment is not as it should be. */
  checkFailed: 103,
  internal: 999,
} as const;

/** An error that already is what a runtime is told. */
export class CniError extends Error {
  override readonly name = "CniError";
  readonly code: number;
  readonly details: string;

  constructor(code: number, message: string, details = "", options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** By `name`, not by class: errors of the kernel's rooms are known without loading those rooms. */
const codeByName: Readonly<Record<string, number>> = {
  ConfigError: cniCodes.config,
  AddressError: cniCodes.config,
  NetlinkError: cniCodes.kernel,
  NftError: cniCodes.kernel,
  DecodeError: cniCodes.kernel,
  NetnsError: cniCodes.netns,
  SysctlError: cniCodes.kernel,
  SysError: cniCodes.kernel,
  TapError: cniCodes.kernel,
  ExhaustedError: cniCodes.exhausted,
  ConflictError: cniCodes.conflict,
  UnavailableError: cniCodes.unavailable,
  CheckError: cniCodes.checkFailed,
  UplinkRecordError: cniCodes.io,
};

/** Errors of system calls that pass by themselves. */
const transient: ReadonlySet<string> = new Set([
  "EAGAIN",
  "EBUSY",
  "EINTR",
  "ENOBUFS",
  "ENOMEM",
  "EMFILE",
  "ENFILE",
  "ETIMEDOUT",
]);

/** What a runtime is told of whatever was thrown. */
export function toCniError(error: unknown): CniError {
  if (error instanceof CniError) return error;
  if (error instanceof AggregateError) return fromMany(error);
  if (!(error instanceof Error)) return new CniError(cniCodes.internal, String(error));
  const code = codeOf(error as Error & { code?: unknown; syscall?: unknown });
  const details = code === cniCodes.internal ? (error.stack ?? "") : causes(error.cause);
  return new CniError(code, error.message, details, { cause: error });
}

function codeOf(error: Error & { code?: unknown; syscall?: unknown }): number {
  const errno = typeof error.code === "string" ? error.code : "";
  if (transient.has(errno)) return cniCodes.tryLater;
  const known = codeByName[error.name];
  if (known !== undefined) return known;
  return typeof error.syscall === "string" ? cniCodes.io : cniCodes.internal;
}

/** The first error decides the code: what follows it in a teardown is mostly its consequence. */
function fromMany(error: AggregateError): CniError {
  const all = error.errors.map(toCniError);
  const first = all[0];
  if (!first) return new CniError(cniCodes.internal, error.message);
  const texts = all.map((one) => one.message).join("; ");
  const msg = error.message === "" ? texts : `${error.message}: ${texts}`;
  const details = all.map((one) => one.details).filter((text) => text !== "");
  return new CniError(first.code, msg, details.join("; "), { cause: error });
}

function causes(cause: unknown): string {
  const texts: string[] = [];
  for (let next = cause; next instanceof Error && texts.length < 8; next = next.cause) {
    // A layer that has nothing to add repeats what the one below said.
    if (next.message !== texts.at(-1)) texts.push(next.message);
  }
  return texts.join(": ");
}

/** The JSON that goes to standard output. */
export function errorJson(error: CniError, cniVersion: string = latestVersion): string {
  const { code, message: msg, details } = error;
  return JSON.stringify({ cniVersion, code, msg, ...(details && { details }) }, null, 4);
}

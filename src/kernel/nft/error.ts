/** The error of a refused nftables transaction. */
import type { NetlinkError } from "../netlink/error.ts";

/** The names of errnos whose text libnftables prints. */
const codeByText: Readonly<Record<string, string>> = {
  "No such file or directory": "ENOENT",
  "File exists": "EEXIST",
  "Operation not permitted": "EPERM",
  "Device or resource busy": "EBUSY",
  "Operation not supported": "EOPNOTSUPP",
  "Not supported": "EOPNOTSUPP",
  "Invalid argument": "EINVAL",
  "Cannot allocate memory": "ENOMEM",
  "Too many open files in system": "ENFILE",
  "Numerical result out of range": "ERANGE",
  "No buffer space available": "ENOBUFS",
};

/** What the kernel or libnftables refused. Nothing of the transaction took effect. */
export class NftError extends Error {
  override readonly name = "NftError";
  /** What was asked: `install table "inet netloom_cni"`. */
  readonly op: string;
  /** An errno's name (`ENOENT`, `EEXIST`, `EBUSY` …), or `syntax` for text that nft cannot read. */
  readonly code: string;
  /** Everything that libnftables printed; empty when the request did not pass through it. */
  readonly text: string;
  /** 1-based line of the script that was refused first, where known. */
  readonly line: number | undefined;
  /** Position of the refused change in the list of changes, where there was one. */
  readonly index: number | undefined;

  constructor(
    op: string,
    reason: string,
    details: { code: string; text?: string; line?: number; index?: number; cause?: unknown },
  ) {
    super(`Cannot ${op}: ${reason}`, { cause: details.cause });
    this.op = op;
    this.code = details.code;
    this.text = details.text ?? "";
    this.line = details.line;
    this.index = details.index;
  }

  /** What the kernel answered to one request. */
  static fromNetlink(error: NetlinkError, index?: number): NftError {
    const reason = error.extack ? `${error.extack} (${error.code})` : error.code;
    return new NftError(error.op, reason, { code: error.code, index, cause: error });
  }
}

/**
 * An NftError from what libnftables printed of a script: `<place>Error: <reason>`, the refused
 * line, carets below it. Only a script read from a file has the place (`/path:2:5-9: `) and the
 * right line in its report; one read from memory shows its first line whatever was refused.
 */
export function fromPrinted(op: string, printed: string): NftError {
  const report = /^(?:\S*?:(\d+):\d+-\d+: )?Error: (.*)(?:\n(.*))?/m.exec(printed);
  const reason = report?.[2] ?? "no reason given";
  const line = report?.[1] === undefined ? undefined : Number(report[1]);
  // An unknown reason behind a known one: "No such file or directory; did you mean chain …?"
  const known = Object.keys(codeByText).find(
    (text) => reason.startsWith(text) || reason.endsWith(text),
  );
  const where = line === undefined ? "" : ` in "${(report?.[3] ?? "").trim()}"`;
  return new NftError(op, `${reason}${where}`, {
    code: known ? codeByText[known]! : "syntax",
    text: printed,
    line,
  });
}

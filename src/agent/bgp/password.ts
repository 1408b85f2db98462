/** Passwords of sessions: a file on the host each, which the API only names. */
import { readFileSync, statSync } from "node:fs";

/** The kernel's limit (TCP_MD5SIG_MAXKEYLEN of uapi/linux/tcp.h), in bytes. */
const most = 80;

/** The file's first line. Throws an Error that says what to mend. */
export function readPassword(path: string): string {
  const { mode } = statSync(path);
  if ((mode & 0o007) !== 0) {
    throw new Error(`password file "${path}" is open to everybody: chmod 600 "${path}"`);
  }
  const [password = ""] = readFileSync(path, "utf8").split(/\r?\n/, 1);
  if (password === "") throw new Error(`password file "${path}" begins with an empty line`);
  if (Buffer.byteLength(password) > most) {
    throw new Error(`password file "${path}" has more than ${most} bytes in its first line`);
  }
  return password;
}

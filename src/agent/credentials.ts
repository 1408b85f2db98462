/** How an agent shows who it is, and whom it believes: files that may be renewed while it runs. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Credentials } from "../api/client/endpoints.ts";
import { FileError, readFileSync, statSync } from "../kernel/sys/files.ts";
import type { Log } from "../lib/log.ts";

/** Paths, of PEM but for the token. */
export interface CredentialFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

/**
 * What the files have now, asked anew each time. While they can't be used, as in the middle of
 * their renewal, it stays what it was. What is no regular file, as a pipe, is read once. Throws
 * FileError and RangeError where they can't be used at first.
 */
export function credentialsIn(files: CredentialFiles, log: Log): () => Credentials {
  const paths = Object.entries(files) as [keyof Credentials, string][];
  const renewable = paths.filter(([, path]) => statSync(path)?.type === "file");
  const read = (some: typeof paths): Credentials =>
    Object.fromEntries(some.map(([name, path]) => [name, readFileSync(path).trim()]));
  let known = read(paths);
  refuseUnusable(known, files);
  let failure = "";
  return () => {
    try {
      const now = { ...known, ...read(renewable) };
      if (!Bun.deepEquals(now, known)) refuseUnusable(now, files);
      [known, failure] = [now, ""];
    } catch (error) {
      if (!(error instanceof FileError || error instanceof RangeError)) throw error;
      const { message } = error;
      if (message !== failure)
        log({ level: "warn", event: "credentials not read", error: message });
      failure = message;
    }
    return known;
  };
}

/** Throws RangeError with the file's path. */
function refuseUnusable(now: Credentials, files: CredentialFiles): void {
  for (const [name, path] of Object.entries(files)) {
    if (!now[name as keyof Credentials]) throw new RangeError(`"${path}" is empty`);
  }
  const { ca, cert, key } = now;
  if (ca !== undefined) certificateIn(ca, files.ca!);
  const certificate = cert === undefined ? undefined : certificateIn(cert, files.cert!);
  const secret = key === undefined ? undefined : keyIn(key, files.key!);
  if (!certificate || !secret || certificate.checkPrivateKey(secret)) return;
  throw new RangeError(`The key "${files.key}" is not that of the certificate "${files.cert}"`);
}

function certificateIn(text: string, path: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw new RangeError(`"${path}" holds no certificate in PEM`);
  }
}

function keyIn(text: string, path: string) {
  try {
    return createPrivateKey(text);
  } catch {
    throw new RangeError(`"${path}" holds no private key in PEM`);
  }
}

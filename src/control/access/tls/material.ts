/** Certificates that a server shows and believes: from given files, or made on its first start. */
import { hostname, networkInterfaces } from "node:os";
import { readFileSync, statSync } from "../../../kernel/sys/files.ts";
import { readIfThere, replaceFile } from "../../../kernel/sys/whole-file.ts";
import { type KeyPair, makeCertificate } from "./certificate.ts";

/** Paths of PEM files that an operator keeps, and replaces when he likes. */
export interface TlsFiles {
  readonly cert?: string;
  readonly key?: string;
  readonly clientCa?: string;
}

export interface TlsMaterial extends KeyPair {
  /** Who may sign certificates of clients. */
  readonly clientCa: string;
}

/** The certificates can't be used. */
export class TlsError extends Error {
  override readonly name = "TlsError";
}

const authorityDays = 3650;
const serverDays = 90;

/** Of the authority that is made where there is none. */
export const authorityPaths = (stateDir: string) => ({
  cert: `${stateDir}/pki/ca.crt`,
  key: `${stateDir}/pki/ca.key`,
});

/**
 * What to serve with now. Where no certificate is given, a new one by the state directory's own
 * authority, so that a restart knows the host's names of today. Throws TlsError.
 */
export function tlsMaterial(files: TlsFiles, stateDir: string, now: Date): TlsMaterial {
  const { cert, key, clientCa } = files;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TlsError("Cannot serve TLS: --tls-cert and --tls-key go together");
  }
  const own = cert === undefined || clientCa === undefined ? authority(stateDir, now) : undefined;
  const shown =
    cert !== undefined && key !== undefined
      ? { cert: readPem(cert), key: readPem(key) }
      : serverCertificate(own!, now);
  return { ...shown, clientCa: clientCa === undefined ? own!.cert : readPem(clientCa) };
}

function authority(stateDir: string, now: Date): KeyPair {
  const paths = authorityPaths(stateDir);
  const [cert, key] = [readIfThere(paths.cert), readIfThere(paths.key)];
  if (cert !== undefined && key !== undefined) return { cert, key };
  const subject = `netloom authority ${now.toISOString().slice(0, 10)}`;
  const made = makeCertificate({ subject, use: "authority", days: authorityDays, now });
  // The certificate last: with it, the authority is whole.
  replaceFile(paths.key, made.key);
  replaceFile(paths.cert, made.cert);
  return made;
}

function serverCertificate(signer: KeyPair, now: Date): KeyPair {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const names = new Set([
    "localhost",
    "127.0.0.1",
    "::1",
    hostname(),
    ...addresses.map(({ address }) => address.split("%")[0]!),
  ]);
  const request = { use: "server", names: [...names], days: serverDays, now } as const;
  return makeCertificate({ subject: "netloom server", ...request }, signer);
}

function readPem(path: string): string {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new TlsError(`Cannot serve TLS: ${(error as Error).message}`, { cause: error });
  }
}

/** Changes whenever one of the files does. */
export function stateOf({ cert, key, clientCa }: TlsFiles): string {
  const paths = [cert, key, clientCa].filter((path) => path !== undefined);
  return paths
    .map((path) => {
      const found = statSync(path);
      return `${found?.identity} ${found?.mtime}`;
    })
    .join("\n");
}

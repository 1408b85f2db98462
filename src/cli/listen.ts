/** Options of commands that serve the API over TCP: `netloom server` and `netloom up`. */
import { type CommandLine, single, UsageError } from "./options.ts";

const value = { takes: "value" } as const;

export const listenSpecs = {
  listen: value,
  "tls-cert": value,
  "tls-key": value,
  "client-ca": value,
} as const;

export const listenHelp = `\
  --listen HOST:PORT    serve there too, over TLS; :7440 at all addresses (the Unix socket alone)
  --tls-cert FILE       certificate to show, and its key (PEM); without them, one is made by an
  --tls-key FILE        authority of our own: <state-dir>/pki/ca.crt
  --client-ca FILE      whose certificates tell who clients are (our own authority)`;

/** Where the API is served over TLS. */
export interface Listen {
  /** All addresses unless set. */
  readonly host?: string;
  readonly port: number;
  readonly files: { readonly cert?: string; readonly key?: string; readonly clientCa?: string };
}

type Line = CommandLine<keyof typeof listenSpecs>;

/** Throws UsageError. */
export function listenOf(line: Line): { readonly tls?: Listen } {
  const files = {
    ...pathOf(line, "tls-cert", "cert"),
    ...pathOf(line, "tls-key", "key"),
    ...pathOf(line, "client-ca", "clientCa"),
  };
  const listen = single(line, "listen");
  if (listen === undefined) {
    if (Object.keys(files).length === 0) return {};
    throw new UsageError("Options for TLS need --listen HOST:PORT");
  }
  const [, host = "", port = ""] = /^(.*):(\d{1,5})$/.exec(listen) ?? [];
  if (port === "" || Number(port) > 65535) {
    throw new UsageError(`Option --listen needs HOST:PORT, not "${listen}"`);
  }
  const address = host.replace(/^\[(.*)\]$/, "$1");
  return { tls: { ...(address !== "" && { host: address }), port: Number(port), files } };
}

/** A path as the field of that name, which is absent where the option is. Throws UsageError. */
export function pathOf<Option extends string>(
  line: CommandLine<Option>,
  option: Option,
  name: string,
): Readonly<Record<string, string>> {
  const path = single(line, option);
  if (path === undefined) return {};
  if (path.startsWith("/")) return { [name]: path };
  throw new UsageError(`Option --${option} needs an absolute path, not "${path}"`);
}

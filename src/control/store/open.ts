/** Opens the store that a URL names. */
import { readFileSync } from "node:fs";
import type { CopyableStore } from "./copyable.ts";
import { openEtcd } from "./etcd.ts";
import { defaultTicks } from "./etcd-ticker.ts";
import { openSqlite } from "./sqlite.ts";
import { StoreUnavailableError } from "./store.ts";

/** A store's URL says something that can't be. */
export class StoreUrlError extends Error {
  override readonly name = "StoreUrlError";
}

/** What a URL names. */
export type StorePlace =
  | { readonly kind: "sqlite"; readonly path: string }
  | {
      readonly kind: "etcd";
      readonly endpoints: readonly string[];
      /** Paths of PEM files. */
      readonly files: Readonly<Partial<Record<(typeof tlsFiles)[number], string>>>;
      /** Whether old revisions are forgotten by us; otherwise etcd's operator sees to that. */
      readonly compact: boolean;
    };

/** The store of a server that was given none. */
export const usualStoreUrl = (stateDir: string): string => `sqlite:${stateDir}/store.db`;

const tlsFiles = ["ca", "cert", "key"] as const;

const shapes = '"sqlite:/path" or "etcd:https://host:2379,…?ca=…&cert=…&key=…"';

/**
 * `sqlite:/path`, or `etcd:` and its members' addresses with a comma between, then `ca`, `cert` and
 * `key` (paths of PEM files), and `compact=off` for an etcd that others use too. Throws
 * StoreUrlError.
 */
export function parseStoreUrl(url: string): StorePlace {
  const [, scheme, rest = ""] = /^(sqlite|etcd):(.*)$/s.exec(url) ?? [];
  if (scheme === "sqlite") return { kind: "sqlite", path: absolute(rest, url) };
  if (scheme === "etcd") return etcdPlace(rest, url);
  throw fault(url, `write ${shapes}`);
}

/** Opens it. Throws StoreUrlError, StoreUnavailableError, EtcdError. */
export async function openStore(url: string): Promise<CopyableStore> {
  const place = parseStoreUrl(url);
  if (place.kind === "sqlite") return openSqlite(place.path);
  const { ca, cert, key } = place.files;
  const tls = { ca: readPem(ca), cert: readPem(cert), key: readPem(key) };
  const ticks = place.compact ? defaultTicks : { ...defaultTicks, keep: undefined };
  return openEtcd({ endpoints: place.endpoints, tls, ticks });
}

function etcdPlace(rest: string, url: string): StorePlace {
  const [addresses = "", query = ""] = rest.split(/\?(.*)/s);
  const given = new URLSearchParams(query);
  const files: Partial<Record<string, string>> = {};
  for (const [name, value] of given) {
    if (name === "compact" && value === "off") continue;
    const known = tlsFiles.find((file) => file === name);
    if (!known) throw fault(url, `"${name}=${value}" is none of ca, cert, key, compact=off`);
    files[known] = absolute(value, url);
  }
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw fault(url, "cert and key go together");
  }
  const endpoints = addresses.split(",").map((address) => endpointOf(address, url));
  return { kind: "etcd", endpoints, files, compact: !given.has("compact") };
}

function endpointOf(address: string, url: string): string {
  const parsed = URL.parse(address);
  const isWhole = parsed && parsed.pathname === "/" && !parsed.username && !parsed.search;
  if (!isWhole || !/^https?:$/.test(parsed.protocol)) {
    throw fault(url, `"${address}" is no address like "https://host:2379"`);
  }
  // What is in the store are networks, and hashes of everybody's tokens.
  const isLocal = /^(127\.[\d.]+|\[::1\]|localhost)$/.test(parsed.hostname);
  if (parsed.protocol === "http:" && !isLocal) throw fault(url, `"${address}" needs https`);
  return parsed.origin;
}

function absolute(path: string, url: string): string {
  if (path.startsWith("/")) return path;
  throw fault(url, `"${path}" is no path that begins with "/"`);
}

function fault(url: string, what: string): StoreUrlError {
  return new StoreUrlError(`Cannot read the store's URL "${url}": ${what}`);
}

function readPem(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const message = `Cannot use the store in etcd: "${path}" can't be read (${(error as any).code})`;
    throw new StoreUnavailableError(message, { cause: error });
  }
}

/** Decides which server is meant: --server, NETLOOM_SERVER, the context, or the host's own. */
import { parseEndpoint } from "../../api/client/endpoints.ts";
import { UsageError } from "../options.ts";
import { nearest } from "../suggest.ts";
import type { Config, Context } from "./config.ts";

/** What the command line says of it. */
export interface Wishes {
  readonly server?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly token?: string;
  /** Path of a PEM file. */
  readonly ca?: string;
}

export interface Settings {
  readonly servers: readonly string[];
  /** Who said so, for messages: `--server`. */
  readonly source: string;
  readonly namespace: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** Who said the token, for messages: `--token`. */
  readonly tokenSource?: string;
  readonly tokenFile?: string;
}

/** Throws UsageError for a context that is not there and a server that can't be read. */
export function settingsFrom(
  wishes: Wishes,
  env: Readonly<Record<string, string | undefined>>,
  config: Config,
): Settings {
  const { name, servers: own, ...access } = chosenContext(wishes, env, config) ?? nobody;
  const namespace = wishes.namespace ?? (env.NETLOOM_NAMESPACE || access.namespace || "default");
  const token = wishes.token ?? (env.NETLOOM_TOKEN || access.token);
  const tokenSource =
    token === undefined
      ? undefined
      : wishes.token !== undefined
        ? "--token"
        : env.NETLOOM_TOKEN
          ? "NETLOOM_TOKEN"
          : `context "${name}"`;
  const [servers, source] = wishes.server
    ? [wishes.server.split(","), "--server"]
    : own && wishes.context
      ? [own, `context "${wishes.context}"`]
      : env.NETLOOM_SERVER
        ? [env.NETLOOM_SERVER.split(","), "NETLOOM_SERVER"]
        : own
          ? [own, `context "${config.current}"`]
          : [[`unix:${env.NETLOOM_RUN_DIR || "/run/netloom"}/api.sock`], "this host"];
  const read = servers.map((server) => readServer(server.trim(), source));
  const ca = wishes.ca ?? access.ca;
  const all = { ...access, servers: read, source, namespace, token, tokenSource };
  return { ...all, ...(ca !== undefined && { ca }) };
}

const nobody: Partial<Context> = {};

function chosenContext(
  { context, server }: Wishes,
  env: Readonly<Record<string, string | undefined>>,
  { current, contexts }: Config,
): Context | undefined {
  const name = context ?? (server || env.NETLOOM_SERVER ? undefined : current);
  if (name === undefined) return undefined;
  const found = contexts.find((each) => each.name === name);
  if (found) return found;
  throw noContext(name, contexts);
}

/** Says which contexts there are. */
export function noContext(name: string, contexts: readonly Context[]): UsageError {
  const names = contexts.map((each) => each.name);
  const meant = nearest(name, names);
  const remedy =
    meant !== undefined
      ? `do you mean "${meant}"?`
      : names.length > 0
        ? `there are ${names.map((each) => `"${each}"`).join(", ")}`
        : "make one with netloom context set NAME --server URL";
  return new UsageError(`No context is called "${name}": ${remedy}`);
}

function readServer(server: string, source: string): string {
  try {
    return parseEndpoint(server);
  } catch (error) {
    throw new UsageError(`Server of ${source}: ${(error as Error).message}`);
  }
}

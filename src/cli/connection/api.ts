/** The API as a command's options and surroundings say: which servers, who asks, and where. */
import { type Client, client } from "../../api/client/client.ts";
import { endpoints } from "../../api/client/endpoints.ts";
import type { ObjectName } from "../../api/client/resource.ts";
import type { Kind } from "../../api/kind.ts";
import type { Call, Flags } from "../command.ts";
import { milliseconds } from "../duration.ts";
import type { connectionFlags } from "../flags.ts";
import { single } from "../options.ts";
import { configPath, readConfig } from "./config.ts";
import { credentialsOf, refusalOf } from "./credentials.ts";
import { type Settings, settingsFrom } from "./settings.ts";

/** Where an object is, or all of a kind. */
export interface Place extends Partial<ObjectName> {
  readonly kind: Kind<any, any>;
}

/** One object. */
export interface Named extends Place {
  readonly name: string;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Api {
  readonly settings: Settings;
  /** Where objects are that say no namespace of their own. */
  readonly namespace: string;
  readonly client: Client;
}

const defaultTimeout = "30s";

/** Who sets fields: apply by this very name, what people do by hand with a word behind it. */
export const fieldManager = "netloom";

/** Throws UsageError; `client` an Error where a file of credentials can't be read. */
export function apiOf<F extends Flags>({
  line,
  surroundings,
}: Call<F & typeof connectionFlags>): Api {
  const options = line as Call<any>["line"];
  const { env, fetch, sleep } = surroundings;
  const wishes = {
    server: single(options, "server"),
    context: single(options, "context"),
    namespace: single(options, "namespace"),
    token: single(options, "token"),
    ca: single(options, "ca"),
  };
  const settings = settingsFrom(wishes, env, readConfig(configPath(env)));
  const timeoutMs = milliseconds(single(options, "request-timeout") ?? defaultTimeout);
  const made = () => {
    const credentials = credentialsOf(settings, wishes.ca);
    const remedy = remedyOf(settings);
    const servers = endpoints(settings.servers, { fetch, credentials, timeoutMs, caRemedy });
    return client(servers, { fieldManager, remedy, sleep, refusal: refusalOf(settings) });
  };
  let own: Client | undefined;
  return {
    settings,
    namespace: settings.namespace,
    get client() {
      own ??= made();
      return own;
    },
  };
}

const caRemedy =
  'name the right CA with --ca FILE, or for a context with "netloom context set NAME --ca FILE"';

const remedyOf = ({ source }: Settings): string =>
  source === "this host"
    ? 'Start one with "netloom up", or name another with --server or "netloom context set"'
    : `It was named by ${source}`;

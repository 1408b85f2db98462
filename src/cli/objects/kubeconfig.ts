/** Prints a configuration for kubectl. */
import { readFileSync } from "node:fs";
import { kubeconfig } from "../../api/credentials.ts";
import type { Call } from "../command.ts";
import type { kubeconfigFlags } from "../commands/kubeconfig.ts";
import { type Api, apiOf } from "../connection/api.ts";
import { single, UsageError } from "../options.ts";
import { yaml } from "../output/yaml.ts";
import { makeToken, tokenSpec } from "./token.ts";

type KubeconfigCall = Call<typeof kubeconfigFlags>;

export async function printKubeconfig(call: KubeconfigCall): Promise<number> {
  const { line, surroundings } = call;
  if (line.operands[0] !== undefined) {
    throw new UsageError(`netloom kubeconfig takes no "${line.operands[0]}": see --help`);
  }
  refuseContradictions(call);
  // Its --server and --ca are kubectl's: a token is asked of the context's server, often a socket.
  const options = { ...line.options, server: undefined, ca: undefined };
  const api = apiOf({ line: { ...line, options }, surroundings } as any);
  const server = serverOf(call, api);
  const caBase64 = Buffer.from(authorityOf(call, api)).toString("base64");
  // Last: no token is made for what can't be printed.
  const token = await tokenOf(call, api);
  const { namespace } = api;
  surroundings.terminal.out(yaml(kubeconfig({ server, caBase64, token, namespace })));
  return 0;
}

function refuseContradictions({ line }: KubeconfigCall): void {
  const sources = (["user", "token-file", "token"] as const).filter((each) => line.options[each]);
  if (sources.length > 1) {
    const [one, other] = sources;
    throw new UsageError(`Options --${one} and --${other} name two tokens: say one`);
  }
  for (const option of ["role", "tenant", "expires"] as const) {
    if (line.options[option] && !line.options.user) {
      throw new UsageError(`Option --${option} is for a new token: say whose with --user`);
    }
  }
}

function serverOf({ line }: KubeconfigCall, { settings }: Api): string {
  const server = single(line, "server") ?? settings.servers.find((each) => isUrl.test(each));
  if (server === undefined) {
    throw new UsageError(
      'kubectl can\'t use a Unix socket: say --server https://HOST:PORT, where "netloom up" or ' +
        '"netloom server" serves with --listen',
    );
  }
  if (isUrl.test(server)) return server.replace(/\/$/, "");
  throw new UsageError(`Server "${server}" is none for kubectl: write https://HOST:PORT`);
}

const isUrl = /^https:\/\/[^/,]+\/?$/;

/** PEM. */
function authorityOf({ line, surroundings }: KubeconfigCall, { settings }: Api): string {
  const ownPki = `${surroundings.env.NETLOOM_STATE_DIR || "/var/lib/netloom"}/pki/ca.crt`;
  const isOwn = settings.servers.every((each) => each.startsWith("unix:"));
  const path = single(line, "ca") ?? settings.ca ?? (isOwn ? ownPki : undefined);
  if (path === undefined) {
    throw new UsageError("Nothing says how to check the server's certificate: say --ca FILE");
  }
  const text = read(path, "--ca FILE names another");
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new Error(`"${path}" holds no certificate in PEM: name one with --ca FILE`);
}

async function tokenOf(call: KubeconfigCall, api: Api): Promise<string> {
  const user = single(call.line, "user");
  if (user !== undefined) {
    const metadata = { generateName: "kubeconfig-" };
    const spec = tokenSpec(call, user);
    return makeToken(api, call.surroundings.terminal, { metadata, spec });
  }
  const { settings } = api;
  const file = single(call.line, "token-file") ?? (settings.token ? undefined : settings.tokenFile);
  const token =
    file === undefined ? settings.token : read(file, "--token-file FILE names another").trim();
  if (token) return token;
  const what = file === undefined ? "There is no token" : `"${file}" is empty`;
  throw new UsageError(`${what}: make one with --user NAME, or say --token-file FILE`);
}

function read(path: string, remedy: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as { code?: string };
    throw new Error(`Cannot read "${path}" (${code}): ${remedy}`);
  }
}

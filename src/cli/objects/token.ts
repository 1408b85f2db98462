/** Makes, lists and ends tokens. */
import type { Kind } from "../../api/kind.ts";
import { tokenKind } from "../../api/kinds/token.ts";
import type { Call } from "../command.ts";
import type { tokenCreateFlags } from "../commands/ipam.ts";
import { type Api, apiOf, fieldManager } from "../connection/api.ts";
import { milliseconds } from "../duration.ts";
import { single, UsageError } from "../options.ts";
import { nameOf } from "../output/format.ts";
import type { Terminal } from "../terminal.ts";
import { listOfKind } from "./host.ts";
import { forEach, tell } from "./send.ts";
import { targetsOf } from "./targets.ts";

/** The secret goes to standard output alone, so that it can be kept in a file. */
export async function tokenCreate(call: Call<typeof tokenCreateFlags>): Promise<number> {
  const { line, surroundings } = call;
  const [word, ...others] = line.operands;
  if (word === undefined || others.length > 0) {
    throw new UsageError("Name one token: netloom token create NAME");
  }
  const name = targetsOf(["token", word])[0]!.name!;
  const spec = tokenSpec(call, single(line, "user") ?? name);
  const secret = await makeToken(apiOf(call), surroundings.terminal, { metadata: { name }, spec });
  surroundings.terminal.out(`${secret}\n`);
  return 0;
}

/** As the command's options say. */
export function tokenSpec({ line, surroundings }: Call<any>, user: string): TokenSpec {
  const expires = single(line, "expires");
  return {
    user,
    role: single(line, "role"),
    tenant: single(line, "tenant"),
    expires: expires === undefined ? undefined : endOf(surroundings.now(), expires),
  };
}

interface TokenSpec {
  readonly user: string;
  readonly role?: string | undefined;
  readonly tenant?: string | undefined;
  readonly expires?: string | undefined;
}

interface NewToken {
  readonly metadata: { readonly name: string } | { readonly generateName: string };
  readonly spec: TokenSpec;
}

/** The secret of a token that it makes. Notes that it is shown now and not again. */
export async function makeToken(
  api: Api,
  terminal: Terminal,
  { metadata, spec }: NewToken,
): Promise<string> {
  const made = await created(api, tokenKind, { metadata, spec });
  const { name } = made.metadata;
  const secret = made.status?.secret;
  if (typeof secret !== "string")
    throw new Error(`The server made token "${name}" without a secret`);
  const until = spec.expires === undefined ? "never ends" : `ends at ${spec.expires}`;
  terminal.note(`Token "${name}" of user "${spec.user}" ${until}. It is shown this once:`);
  return secret;
}

/** The object as the server made it. Throws ApiError. */
export const created = (api: Api, kind: Kind<any, any>, object: any): Promise<any> =>
  api.client.of(kind).create(object, { fieldValidation: "Strict" });

/** RFC 3339 in whole seconds. */
function endOf(now: number, time: string): string {
  return new Date(now + milliseconds(time)).toISOString().replace(/\.\d+Z$/, "Z");
}

export function tokenList(call: Call<any>): Promise<number> {
  return listOfKind(call, "tokens");
}

export async function tokenRevoke(call: Call<any>): Promise<number> {
  const { line, surroundings } = call;
  if (line.operands.length === 0) throw new UsageError("Name a token: netloom token revoke NAME…");
  const targets = targetsOf(["token", ...line.operands]);
  const api = apiOf(call);
  await forEach(targets, async ({ kind, name }) => {
    await api.client.of(kind).delete({ name: name! });
    const sending = { dryRun: false, manager: fieldManager, force: false };
    tell(surroundings.terminal, nameOf(kind, name!), "revoked", sending);
  });
  return 0;
}

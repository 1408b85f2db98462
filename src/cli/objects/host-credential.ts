/** Lets a host's agent in: a grant of its role, and a token. */
import { hostCredential as credentialOf } from "../../api/credentials.ts";
import { grantKind } from "../../api/kinds/grant.ts";
import type { Call } from "../command.ts";
import type { hostCredentialFlags } from "../commands/ipam.ts";
import { type Api, apiOf } from "../connection/api.ts";
import { reasonOf } from "../exit.ts";
import { onlyName } from "./host.ts";
import { created, makeToken, tokenSpec } from "./token.ts";

/** The secret goes to standard output alone, so that it can be kept in a file. */
export async function hostCredential(call: Call<typeof hostCredentialFlags>): Promise<number> {
  const host = onlyName(call, "credential");
  const { grant, token } = credentialOf(host);
  const api = apiOf(call);
  await ensureGrant(api, grant);
  const { user, role } = token.spec as { user: string; role: string };
  const spec = { ...tokenSpec(call, user), role };
  const { terminal } = call.surroundings;
  const secret = await makeToken(api, terminal, { metadata: { name: host }, spec });
  terminal.out(`${secret}\n`);
  return 0;
}

/** An earlier credential's is the same. Throws an Error where another grant has its name. */
async function ensureGrant(api: Api, grant: any): Promise<void> {
  try {
    await created(api, grantKind, grant);
  } catch (error) {
    if (reasonOf(error) !== "AlreadyExists") throw error;
    const { name } = grant.metadata;
    const { spec } = await api.client.of(grantKind).get({ name });
    const { user, role, host } = grant.spec;
    if (spec.user === user && spec.role === role && spec.host === host) return;
    const other = `it grants "${spec.role}" to "${spec.user}"`;
    throw new Error(
      `Grant "${name}" is not of the agent of host "${name}", ${other}: give it another name`,
    );
  }
}

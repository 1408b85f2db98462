/** Type `netloom` with `"network"`: the host's agent attaches, and this process only asks. */
import { pathsFromEnv } from "../../engine/paths.ts";
import { AgentAwayError, askAgent } from "../agent-client.ts";
import { CniError } from "../errors.ts";
import type { Call, Plugin } from "../plugin.ts";
import { readResult } from "../result.ts";

export const declaredNetwork: Plugin = {
  type: "netloom",

  async add(call) {
    const { text } = await ask(call);
    return readResult(JSON.parse(text), call.cniVersion, "result of the agent");
  },

  async del(call) {
    try {
      await ask(call, { patient: false });
    } catch (error) {
      if (!(error instanceof AgentAwayError)) throw error;
      const { detachWithoutAgent } = await import("../agent-away.ts");
      if (!(await detachWithoutAgent(pathsFromEnv(process.env), call))) throw error;
    }
  },

  check: async (call) => void (await ask(call)),
  gc: async (call) => void (await ask(call)),
  status: async (call) => void (await ask(call, { patient: false })),
};

/** Throws what the agent answered, and as `askAgent`. */
async function ask(call: Call, options?: { readonly patient: boolean }) {
  const paths = pathsFromEnv(process.env);
  const request = { verb: "cni" as const, env: callerEnv(), stdin: call.text };
  const answer = await askAgent(paths, request, options);
  if (answer.status === 0) return answer;
  const { code, msg, details } = JSON.parse(answer.text);
  throw new CniError(code, msg, details);
}

/** What of the environment is CNI's. */
function callerEnv(): Record<string, string> {
  const given = Object.entries(process.env).filter(([name]) => name.startsWith("CNI_"));
  return Object.fromEntries(given) as Record<string, string>;
}

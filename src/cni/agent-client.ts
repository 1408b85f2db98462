/** Hands a call to the agent of this host. */
import { type AboutAgent, aboutAgentFile, agentSocket } from "../engine/agent-files.ts";
import type { Paths } from "../engine/paths.ts";
import { readIfThere } from "../kernel/sys/whole-file.ts";
import type { AgentAnswer, AgentRequest } from "./agent-protocol.ts";
import { CniError, cniCodes } from "./errors.ts";

/** An agent that begins anew is back well within it. */
const awayPatienceMs = 5_000;
/** With the work itself an answer comes within 10 s, whatever had to be waited for. */
const waitingMs = 8_000;
/** No call takes as long, but for one that waits for another of the same attachment. */
const answerPatienceMs = 90_000;
const longestPauseMs = 200;

/** Nobody answers, and nobody came within the time that was given. */
export class AgentAwayError extends CniError {
  constructor({ runDir }: Paths, whom: AboutAgent | undefined) {
    const socket = agentSocket({ runDir });
    const state = whom ? `the agent of host "${whom.host}" is away` : "no agent was started there";
    super(
      cniCodes.tryLater,
      `Cannot reach the agent at "${socket}": ${state}. Start "netloom up" or "netloom agent", ` +
        "or name its run directory in NETLOOM_RUN_DIR",
    );
  }
}

/**
 * The agent's answer. Waits for one that is away if one was there in this boot, `patient` that is.
 * Throws AgentAwayError, and CniError 11 where an answer doesn't come.
 */
export async function askAgent(
  paths: Paths,
  request: Omit<AgentRequest, "withinMs" | "again">,
  { patient = true } = {},
): Promise<AgentAnswer> {
  const end = performance.now() + waitingMs;
  let away = performance.now();
  let again = false;
  for (let pauseMs = 5; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const withinMs = Math.max(0, Math.round(end - performance.now()));
    const answer = await ask(agentSocket(paths), { ...request, withinMs, ...(again && { again }) });
    if (typeof answer === "object") return answer;
    const now = performance.now();
    if (answer === "cut off") {
      again = true;
      away = now;
    }
    const about = readAbout(paths);
    if (!about || !patient || now > Math.min(away + awayPatienceMs, end))
      throw new AgentAwayError(paths, about);
    await Bun.sleep(pauseMs);
  }
}

/** What the agent that was there last said of itself; undefined without one since boot. */
export function readAbout(paths: Paths): AboutAgent | undefined {
  try {
    const about = JSON.parse(readIfThere(aboutAgentFile(paths)) ?? "null") as AboutAgent | null;
    return about?.version === 1 ? about : undefined;
  } catch {
    // Cut short by a full disk: as if it were not there.
    return undefined;
  }
}

async function ask(path: string, request: AgentRequest): Promise<AgentAnswer | "away" | "cut off"> {
  const ended = Promise.withResolvers<string>();
  const decoder = new TextDecoder();
  let text = "";
  let waiting = new TextEncoder().encode(`${JSON.stringify(request)}\n`);
  const send = (socket: { write(data: Uint8Array): number }) => {
    waiting = waiting.subarray(socket.write(waiting));
  };
  let socket: { end(): void; write(data: Uint8Array): number };
  try {
    socket = await Bun.connect({
      unix: path,
      socket: {
        data(_, data) {
          text += decoder.decode(data, { stream: true });
        },
        drain: send,
        close: () => ended.resolve(text),
        error: () => ended.resolve(text),
      },
    });
  } catch {
    return "away";
  }
  send(socket);
  const timer = setTimeout(() => {
    ended.reject(
      new CniError(
        cniCodes.tryLater,
        `The agent at "${path}" has not answered within ${answerPatienceMs / 1000} s: look at its log`,
      ),
    );
  }, answerPatienceMs);
  try {
    return readAnswer(await ended.promise);
  } finally {
    clearTimeout(timer);
    socket.end();
  }
}

/** One that ended in the middle of a call says nothing, or not all. */
function readAnswer(line: string): AgentAnswer | "cut off" {
  if (!line.endsWith("\n")) return "cut off";
  return JSON.parse(line) as AgentAnswer;
}

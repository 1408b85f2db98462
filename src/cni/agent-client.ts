/** Hands a call to the agent of this host. */
import { type AboutAgent, aboutAgentFile, agentSocket } from "../engine/agent-files.ts";
import type { Paths } from "../engine/paths.ts";
import { SysError } from "../kernel/sys/libc.ts";
import { UnixStream } from "../kernel/sys/unix-stream.ts";
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
    const answer = ask(agentSocket(paths), { ...request, withinMs, ...(again && { again }) });
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

function ask(path: string, request: AgentRequest): AgentAnswer | "away" | "cut off" {
  let connected: UnixStream;
  try {
    connected = UnixStream.connect(path);
  } catch (error) {
    if (error instanceof SysError) return "away";
    throw error;
  }
  using stream = connected;
  const end = performance.now() + answerPatienceMs;
  const decoder = new TextDecoder();
  let text = "";
  try {
    let isInTime = stream.send(new TextEncoder().encode(`${JSON.stringify(request)}\n`), end);
    while (isInTime) {
      const data = stream.receive(end);
      if (data?.length === 0) return readAnswer(text);
      isInTime = data !== undefined;
      text += decoder.decode(data, { stream: true });
    }
  } catch (error) {
    // It ended in the middle.
    if (error instanceof SysError) return "cut off";
    throw error;
  }
  throw new CniError(
    cniCodes.tryLater,
    `The agent at "${path}" has not answered within ${answerPatienceMs / 1000} s: look at its log`,
  );
}

/** One that ended in the middle of a call says nothing, or not all. */
function readAnswer(line: string): AgentAnswer | "cut off" {
  if (!line.endsWith("\n")) return "cut off";
  return JSON.parse(line) as AgentAnswer;
}

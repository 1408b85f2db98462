/** Where an agent is met, and what it leaves for others to find. */
import type { Paths } from "./paths.ts";

type RunDir = Pick<Paths, "runDir">;

/** Where an agent listens. */
export const agentSocket = ({ runDir }: RunDir): string => `${runDir}/agent.sock`;

/** What an agent leaves in its run directory, for DEL while it is away: an `AboutAgent`. */
export const aboutAgentFile = ({ runDir }: RunDir): string => `${runDir}/agent.json`;

export interface AboutAgent {
  readonly version: 1;
  readonly host: string;
  readonly instance: string;
  /** Directories of the agent's engine. */
  readonly stateDir: string;
  readonly runDir: string;
}

/**
 * A file of this name below the engine's state directory says that an attachment was asked to go
 * while its agent was away: the agent does the rest.
 */
export const goneFile = ({ stateDir }: Pick<Paths, "stateDir">, id: string): string =>
  `${stateDir}/gone/${id}`;

/** A file of this name in an agent's run directory tells how it fares with its control plane. */
export const controlFile = ({ runDir }: RunDir): string => `${runDir}/control-plane.json`;

export interface AboutControl {
  readonly version: 1;
  /** As the agent was told to find them. */
  readonly servers: readonly string[];
  readonly isReached: boolean;
  /** Since when: RFC 3339, in UTC. */
  readonly since: string;
}

/** Held by the agent that serves a run directory. */
export const agentLock = ({ runDir }: RunDir): string => `${runDir}/agent.lock`;

/** What a plugin and the agent of its host say to each other. */

/** One call of a plugin: a line of JSON. */
export interface AgentRequest {
  readonly verb: "cni";
  /** The caller's CNI_* variables. */
  readonly env: Readonly<Record<string, string>>;
  /** The network configuration. */
  readonly stdin: string;
  /** So long the caller still waits: what cannot be had by then is to be tried again later. */
  readonly withinMs: number;
  /** It was asked before, and the answer never came: what that try made is made anew. */
  readonly again?: boolean;
}

/** What the plugin prints, and its exit status: a line of JSON. */
export interface AgentAnswer {
  readonly status: 0 | 1;
  readonly text: string;
}

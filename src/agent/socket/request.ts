/** Reads a request: nothing in it is believed. */
import type { AgentRequest } from "../../cni/agent-protocol.ts";
import { nestsDeeper } from "../../model/nesting.ts";
import {
  dictionaryOf,
  flag,
  integer,
  object,
  oneOf,
  text,
  withDefault,
} from "../../model/parse.ts";

const request = object({
  verb: oneOf("cni"),
  env: dictionaryOf(text),
  stdin: text,
  again: withDefault(flag, false),
  withinMs: integer(0, 600_000),
});

/** Of the environment in the request. */
const depth = 2;

/** Throws ConfigError, and SyntaxError for what is no JSON. */
export function readRequest(line: string): AgentRequest {
  if (nestsDeeper(line, depth)) throw new SyntaxError("It nests deeper than a request does");
  const { env, ...rest } = request(JSON.parse(line), "");
  // What is not CNI's would tell the agent how to behave.
  const own = Object.entries(env).filter(([name]) => name.startsWith("CNI_"));
  return { ...rest, env: Object.fromEntries(own) };
}

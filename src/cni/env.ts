/** Reads and checks the CNI_* variables. Source: SPEC.md 1.1.0, "Parameters". */
import { CniError } from "./errors.ts";
import type { Verb } from "./types.ts";

/** CNI_ARGS: pairs, deprecated but honoured. */
export interface CniArgs {
  readonly values: ReadonlyMap<string, string>;
  readonly ignoreUnknown: boolean;
}

/** The checked variables. Texts that the verb does not need are empty when absent. */
export interface CniEnv {
  readonly verb: Verb;
  readonly containerId: string;
  readonly netns: string;
  readonly ifName: string;
  /** CNI_ARGS as it is, for `readArgs`. */
  readonly args: string;
  readonly path: readonly string[];
  /** CNI_NETNS may be our own namespace. */
  readonly netnsOverride: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What each verb must be given. CNI_PATH is required as the specification says, for GC alone: the
 * reference refuses most verbs without it, but a plugin that calls no other has no use for it.
 */
const required: Readonly<Record<Verb, readonly string[]>> = {
  ADD: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
  DEL: ["CNI_CONTAINERID", "CNI_IFNAME"],
  CHECK: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
  GC: ["CNI_PATH"],
  STATUS: [],
  VERSION: [],
};

const noArgs: CniArgs = { values: new Map(), ignoreUnknown: false };

/** Keys of CNI_ARGS that plugins of ours read. */
const knownArgs: ReadonlySet<string> = new Set([
  ...["IP", "MAC", "GATEWAY"],
  ...["NETLOOM_PORT", "NETLOOM_NAMESPACE", "NETLOOM_IDENTITY"],
]);

/** Throws CniError 4. */
export function readEnv(env: Environment): CniEnv {
  const verb = verbOf(env.CNI_COMMAND);
  const missing = required[verb].filter((name) => !env[name]);
  if (missing.length > 0) {
    throw new CniError(4, `${verb} needs ${missing.join(", ")}: not set in the environment`);
  }
  const named = verb === "ADD" || verb === "DEL" || verb === "CHECK";
  if (named) {
    checkContainerId(env.CNI_CONTAINERID ?? "");
    checkIfName(env.CNI_IFNAME ?? "");
  }
  return {
    verb,
    containerId: named ? env.CNI_CONTAINERID! : "",
    netns: named ? (env.CNI_NETNS ?? "") : "",
    ifName: named ? env.CNI_IFNAME! : "",
    args: named ? (env.CNI_ARGS ?? "") : "",
    path: (env.CNI_PATH ?? "").split(":").filter((folder) => folder !== ""),
    netnsOverride: isTrue(env.CNI_NETNS_OVERRIDE ?? ""),
  };
}

function verbOf(command: string | undefined): Verb {
  if (command !== undefined && Object.hasOwn(required, command)) return command as Verb;
  const verbs = Object.keys(required).join(", ");
  throw new CniError(
    4,
    command ? `CNI_COMMAND "${command}" is not one of ${verbs}` : "CNI_COMMAND is not set",
  );
}

const idPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/** Whether `name` may be a container's ID or a network's name. */
export function isCniName(name: string): boolean {
  return idPattern.test(name);
}

/** Throws CniError 4. */
export function checkContainerId(id: string, what = "CNI_CONTAINERID"): void {
  if (isCniName(id)) return;
  throw new CniError(
    4,
    `${what} "${id}" must begin with a letter or digit and go on with letters, digits, "_", "." or "-"`,
  );
}

/** Throws CniError 4. `%` is refused too: the kernel would make a numbered name of it. */
export function checkIfName(name: string, what = "CNI_IFNAME"): void {
  const problem =
    new TextEncoder().encode(name).length > 15
      ? "is longer than 15 bytes"
      : name === "." || name === ".."
        ? "names a folder"
        : /[/:%\s]/.test(name)
          ? 'holds "/", ":", "%" or white space'
          : name === ""
            ? "is empty"
            : undefined;
  if (problem) throw new CniError(4, `${what} "${name}" ${problem}: choose another name`);
}

/**
 * Reads `KEY=value;KEY=value`. Strictly, throws CniError 4 for a part that is no pair, and for a
 * key that no plugin of ours reads unless IgnoreUnknown is set; else takes what can be read.
 */
export function readArgs(text: string, strict: boolean): CniArgs {
  if (text === "") return noArgs;
  const values = new Map<string, string>();
  for (const pair of text.split(";")) {
    const [key, value, ...rest] = pair.split("=");
    if (key && value !== undefined && rest.length === 0) values.set(key, value);
    else if (pair !== "" && strict) {
      throw new CniError(4, `CNI_ARGS holds "${pair}": each part must be KEY=value`);
    }
  }
  const ignoreUnknown = isTrue(values.get("IgnoreUnknown") ?? "");
  values.delete("IgnoreUnknown");
  if (strict && !ignoreUnknown) refuseUnknown(values);
  return { values, ignoreUnknown };
}

function refuseUnknown(values: CniArgs["values"]): void {
  for (const key of values.keys()) {
    if (knownArgs.has(key)) continue;
    throw new CniError(
      4,
      `CNI_ARGS holds unknown key "${key}": add IgnoreUnknown=1 to let it pass`,
    );
  }
}

function isTrue(value: string): boolean {
  return value === "1" || value.toLowerCase() === "true";
}

/** Says what may come next on a command line. */

import type { Kind } from "../../api/kind.ts";
import { kindNamed, kinds } from "../../api/kinds/index.ts";
import type { Command, Completion, Flag, Flags } from "../command.ts";
import { commandLoaders, groups, otherCommand, otherCommands, verbsOf } from "../commands/index.ts";
import { apiOf } from "../connection/api.ts";
import { configPath, readConfig } from "../connection/config.ts";
import { helpFlag } from "../flags.ts";
import { readCommandLine } from "../options.ts";
import type { Surroundings } from "../surroundings.ts";

/** What may come: words, or files where the shell knows better. */
export type Candidates = readonly string[] | "files";

/** Prints candidates, one a line; `:files` for files. Never fails: a shell is in between. */
export async function printCandidates(
  words: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  try {
    const found = await candidates(words, surroundings);
    const lines = found === "files" ? [":files"] : found;
    surroundings.terminal.out(lines.map((line) => `${line}\n`).join(""));
    return 0;
  } catch {
    // No server, a broken file of contexts: there is nothing to suggest.
    return 1;
  }
}

/** The words behind `netloom`, the last one unfinished and perhaps empty. */
export async function candidates(
  words: readonly string[],
  surroundings: Surroundings,
): Promise<Candidates> {
  const [first = "", second = ""] = words;
  const current = words.at(-1) ?? "";
  const beginning = (known: readonly string[]) =>
    known.filter((word) => word.startsWith(current)).sort();
  if (words.length <= 1) return beginning([...topWords(), "help"]);
  if (first === "help") return beginning(words.length === 2 ? topWords() : verbsOf(second));
  if (groups().includes(first) && words.length === 2) return beginning(verbsOf(first));
  const name = groups().includes(first) ? `${first} ${second}` : first;
  if (!Object.hasOwn(commandLoaders, name)) return otherCandidates(first, words, beginning);
  const command = await commandLoaders[name]!();
  return ofCommand({
    command,
    words: words.slice(name.split(" ").length),
    surroundings,
    beginning,
  });
}

const topWords = () => [
  ...Object.keys(commandLoaders).filter((name) => !name.includes(" ")),
  ...groups(),
  ...otherCommands.map(({ name }) => name),
];

async function otherCandidates(
  first: string,
  words: readonly string[],
  beginning: (known: readonly string[]) => string[],
): Promise<Candidates> {
  const other = otherCommand(first);
  if (!other) return [];
  if (words.at(-1)!.startsWith("-")) {
    const options = [...(await other.help()).matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)];
    return beginning(options.map(([, option]) => option!));
  }
  return words.length === 2 && other.verbs.length > 0 ? beginning(other.verbs) : "files";
}

interface Asked {
  readonly command: Command;
  /** Behind the command's name. */
  readonly words: readonly string[];
  readonly surroundings: Surroundings;
  readonly beginning: (known: readonly string[]) => string[];
}

async function ofCommand({ command, words, surroundings, beginning }: Asked): Promise<Candidates> {
  const flags: Flags = { ...command.flags, ...helpFlag };
  const current = words.at(-1) ?? "";
  const earlier = words.slice(0, -1);
  const waiting = waitingFlag(flags, earlier.at(-1));
  // An option without its value can't be read.
  const whole = waiting ? earlier.slice(0, -1) : earlier;
  const find = async (what: Completion | undefined) =>
    found({ what, flags, earlier: whole, current, surroundings });
  const [, long, value] = /^--([\w-]+)=(.*)$/.exec(current) ?? [];
  if (long !== undefined) {
    const known = await find(flags[long]?.complete);
    if (known === "files") return "files";
    return known.filter((word) => word.startsWith(value!)).map((word) => `--${long}=${word}`);
  }
  if (waiting) {
    const known = await find(waiting.complete);
    return known === "files" ? known : beginning(known);
  }
  if (current.startsWith("-")) return beginning(Object.keys(flags).map((flag) => `--${flag}`));
  const operands = readCommandLine(earlier, flags).operands.length;
  const known = await find(command.operands?.[Math.min(operands, command.operands.length - 1)]);
  return known === "files" ? known : beginning(known);
}

/** The flag whose value comes next. */
function waitingFlag(flags: Flags, word: string | undefined): Flag | undefined {
  if (word === undefined || !/^-(-?[\w-]+)$/.test(word)) return undefined;
  const flag = word.startsWith("--")
    ? flags[word.slice(2)]
    : Object.values(flags).find(({ short }) => short === word.at(-1));
  return flag?.takes === "value" ? flag : undefined;
}

interface Search {
  readonly what: Completion | undefined;
  readonly flags: Flags;
  readonly earlier: readonly string[];
  readonly current: string;
  readonly surroundings: Surroundings;
}

async function found({ what, flags, earlier, current, surroundings }: Search): Promise<Candidates> {
  const line = readCommandLine(earlier, flags);
  const names = (kind: Kind<any, any>) => namesOf(kind, { line, surroundings });
  if (what === undefined) return [];
  if (what === "file" || what === "netns") return "files";
  if (what === "context") {
    return readConfig(configPath(surroundings.env)).contexts.map(({ name }) => name);
  }
  if (what === "namespace") return names(kindNamed("namespace")!);
  if (what === "kind" || what === "name") {
    const [word = current.split("/")[0]!] = what === "name" ? line.operands : [];
    const kind = kindNamed(word.split("/")[0]!);
    const slashed = current.includes("/") || word.includes("/");
    if (slashed) {
      const meant = kindNamed(current.split("/")[0]!);
      return meant ? (await names(meant)).map((name) => `${current.split("/")[0]}/${name}`) : [];
    }
    if (what === "name") return kind ? names(kind) : [];
    return kinds.flatMap(({ plural, singular }) => [plural, singular]);
  }
  return "kind" in what ? names(kindNamed(what.kind)!) : what;
}

/** A person waits for this. */
const patience = "1s";

async function namesOf(
  kind: Kind<any, any>,
  { line, surroundings }: Pick<Search, "surroundings"> & { readonly line: any },
): Promise<string[]> {
  const options = { ...line.options, "request-timeout": [patience] };
  const api = apiOf({ line: { ...line, options }, surroundings });
  const namespace = kind.namespaced ? api.namespace : undefined;
  const { items } = await api.client.of(kind).list({ namespace, limit: 500 });
  return items.map(({ metadata }) => metadata.name);
}

/** Reads a command line, runs its command, and tells failures with their exit status. */
import type { Command, Flags } from "./command.ts";
import {
  commandLoaders,
  groups,
  loadAll,
  otherCommand,
  otherCommands,
  verbsOf,
} from "./commands/index.ts";
import { exitStatusOf } from "./exit.ts";
import { connectionFlags, helpFlag, namespaceFlag } from "./flags.ts";
import { readCommandLine, UnknownOption, UsageError } from "./options.ts";
import { nearest } from "./suggest.ts";
import type { Surroundings } from "./surroundings.ts";

/** Words behind `netloom` → exit status. Failures are told on standard error. */
export async function runCli(
  words: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  try {
    return await dispatched(words, surroundings);
  } catch (error) {
    const { paintNote } = surroundings.terminal;
    for (const line of failureLines(error)) {
      surroundings.terminal.note(`${paintNote("red", "netloom:")} ${line}`);
    }
    return exitStatusOf(error);
  }
}

/** Options that may stand before the command. */
const early = { ...connectionFlags, ...namespaceFlag, ...helpFlag };

async function dispatched(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { operands } = readCommandLine(words, early, { stopAtOperand: true });
  const before = words.slice(0, words.length - operands.length);
  const [first, second] = operands;
  const { terminal } = surroundings;
  if (first === undefined || first === "help") {
    terminal.out(await helpFor(operands.slice(1)));
    return 0;
  }
  if (first === "__complete") {
    const { printCandidates } = await import("./completion/complete.ts");
    // Behind "--", so that no option of the unfinished line is ours.
    return printCandidates(operands.slice(2), surroundings);
  }
  if (groups().includes(first) && !Object.hasOwn(commandLoaders, `${first} ${second}`)) {
    const asksHelp = second === undefined || ["help", "-h", "--help"].includes(second);
    if (!asksHelp) throw noVerb(first, second);
    terminal.out(await helpFor([first]));
    return second === undefined ? 2 : 0;
  }
  const name = groups().includes(first) ? `${first} ${second}` : first;
  const load = Object.hasOwn(commandLoaders, name) ? commandLoaders[name] : undefined;
  if (!load) throw await noCommand(first);
  const command = await load();
  const rest = [...before, ...operands.slice(name.split(" ").length)];
  const line = await lineOf(command, rest);
  if (line.options.help) {
    terminal.out((await import("./help.ts")).commandHelp(command));
    return 0;
  }
  return command.run({ line, surroundings });
}

async function lineOf(command: Command, words: readonly string[]) {
  try {
    return readCommandLine(words, { ...command.flags, ...helpFlag } as Flags);
  } catch (error) {
    const { word } = error instanceof UnknownOption ? error : {};
    const meant = word === undefined ? undefined : await command.meantBy?.(word, words);
    throw word !== undefined && meant !== undefined ? new UnknownOption(word, meant) : error;
  }
}

async function helpFor([first, second]: readonly string[]): Promise<string> {
  const { commandHelp, groupHelp, overview } = await import("./help.ts");
  if (first === undefined) return overview(await loadAll(), otherCommands);
  const other = otherCommand(first);
  if (other) return other.help();
  const name = second === undefined ? first : `${first} ${second}`;
  if (Object.hasOwn(commandLoaders, name)) return commandHelp(await commandLoaders[name]!());
  if (!groups().includes(first)) throw await noCommand(first);
  if (second !== undefined) throw noVerb(first, second);
  const commands: Command[] = [];
  for (const verb of verbsOf(first)) commands.push(await commandLoaders[`${first} ${verb}`]!());
  return groupHelp(first, commands);
}

/** Words of other tools for what is called otherwise here. */
const synonyms: Readonly<Record<string, string>> = {
  list: "get",
  ls: "get",
  show: "describe",
  rm: "delete",
  remove: "delete",
  add: "create",
  new: "create",
  start: "up",
  hosts: "get hosts",
  networks: "get networks",
  ports: "get ports",
  subnets: "get subnets",
  config: "context",
  run: "sandbox run",
};

async function noCommand(word: string): Promise<UsageError> {
  const single = Object.keys(commandLoaders).filter((name) => !name.includes(" "));
  const names = [...single, ...groups(), ...otherCommands.map(({ name }) => name)];
  const meant = Object.hasOwn(synonyms, word) ? synonyms[word] : nearest(word, names);
  const remedy =
    meant === undefined ? "netloom help lists them" : `do you mean "netloom ${meant}"?`;
  return new UsageError(`"${word}" is no command: ${remedy}`);
}

function noVerb(group: string, word = ""): UsageError {
  const verbs = verbsOf(group);
  const meant = nearest(word, verbs);
  const remedy = meant
    ? `do you mean "netloom ${group} ${meant}"?`
    : `there are ${verbs.join(", ")}`;
  return new UsageError(`"${word}" is no command of netloom ${group}: ${remedy}`);
}

/** One line a failure. Of a broken invariant the stack too: it is a bug of ours. */
export function failureLines(error: unknown): string[] {
  if (error instanceof AggregateError) return error.errors.flatMap(failureLines);
  if (!(error instanceof Error)) return [String(error)];
  const ours =
    error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
  return [ours ? (error.stack ?? error.message) : error.message];
}

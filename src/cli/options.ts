/** Reads options and operands from a command line. */
import { nearest } from "./suggest.ts";

/** A command line that can't be understood. The message says what to do instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** An option that the command has not. */
export class UnknownOption extends UsageError {
  /** As it was written: `--type=bridge`. */
  readonly word: string;

  constructor(word: string, remedy: string) {
    super(`Unknown option "${word}": ${remedy}`);
    this.word = word;
  }
}

/** An option, and what follows it. */
export interface OptionSpec {
  /** One letter: `p`. */
  readonly short?: string;
  /** `optional`: a value only behind `=`, as in `--dry-run=server`; `"true"` without. */
  readonly takes: "value" | "nothing" | "optional";
}

/** What a command line holds. */
export interface CommandLine<Name extends string> {
  /** The values of each option in the order given; a flag has one `"true"` each time. */
  readonly options: Readonly<Partial<Record<Name, readonly string[]>>>;
  readonly operands: readonly string[];
}

/**
 * Reads `--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, several letters in one
 * word (`-Aw`), and operands. `--` ends the options; with `stopAtOperand` the first operand does,
 * for commands that run another. Throws UsageError.
 */
export function readCommandLine<Name extends string>(
  words: readonly string[],
  specs: Readonly<Record<Name, OptionSpec>>,
  { stopAtOperand = false } = {},
): CommandLine<Name> {
  const options: Partial<Record<Name, string[]>> = {};
  const operands: string[] = [];
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === "--") {
      operands.push(...left);
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      operands.push(word);
      if (!stopAtOperand) continue;
      operands.push(...left);
      break;
    }
    const { name, attached, further } = findOption(word, specs);
    if (further !== undefined) left.unshift(further);
    const { takes } = specs[name];
    if (takes === "nothing" && attached !== undefined) {
      throw new UsageError(`Option --${name} takes no value`);
    }
    const value = attached ?? (takes === "value" ? left.shift() : "true");
    if (value === undefined) throw new UsageError(`Option --${name} needs a value`);
    const given = options[name] ?? [];
    given.push(value);
    options[name] = given;
  }
  return { options, operands };
}

interface Found<Name> {
  readonly name: Name;
  /** The value in the same word. */
  readonly attached?: string;
  /** Letters behind one that takes no value: `-w` of `-Aw`. */
  readonly further?: string;
}

function findOption<Name extends string>(
  word: string,
  specs: Readonly<Record<Name, OptionSpec>>,
): Found<Name> {
  const names = Object.keys(specs) as Name[];
  if (!word.startsWith("--")) {
    const name = names.find((one) => specs[one].short === word[1]);
    const rest = word.slice(2);
    if (name && rest === "") return { name };
    if (name && rest.startsWith("=")) return { name, attached: rest.slice(1) };
    if (name) return specs[name].takes === "value" ? { name, attached: rest } : further(name, rest);
    throw new UnknownOption(word, "see --help");
  }
  const equals = word.indexOf("=");
  const given = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const name = names.find((one) => one === given);
  if (name) return { name, attached: equals < 0 ? undefined : word.slice(equals + 1) };
  const meant = nearest(given, names);
  const remedy = meant === undefined ? "see --help" : `do you mean "--${meant}"?`;
  throw new UnknownOption(word, remedy);
}

const further = <Name>(name: Name, letters: string): Found<Name> => ({
  name,
  further: `-${letters}`,
});

/** The option's only value. Throws UsageError when it was given twice. */
export function single<Name extends string>(
  line: CommandLine<Name>,
  name: Name,
): string | undefined {
  const values = line.options[name] ?? [];
  if (values.length > 1) throw new UsageError(`Option --${name} was given ${values.length} times`);
  return values[0];
}

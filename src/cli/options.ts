/** Reads options and operands from a command line. */

/** A command line that can't be understood. The message says what to do instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** An option: its value's name in help, or `flag` for one without a value. */
export interface OptionSpec {
  /** One letter: `p`. */
  readonly short?: string;
  readonly takes: "value" | "nothing";
}

/** What a command line holds. */
export interface CommandLine<Name extends string> {
  /** The values of each option in the order given; a flag has one `"true"` each time. */
  readonly options: Readonly<Partial<Record<Name, readonly string[]>>>;
  readonly operands: readonly string[];
}

/**
 * Reads `--name value`, `--name=value`, `-n value`, `-nvalue`, and operands. `--` ends the options;
 * with `stopAtOperand` the first operand does, for commands that run another. Throws UsageError.
 */
export function readCommandLine<Name extends string>(
  words: readonly string[],
  specs: Readonly<Record<Name, OptionSpec>>,
  { stopAtOperand = false } = {},
): CommandLine<Name> {
  const options: Partial<Record<Name, string[]>> = {};
  const operands: string[] = [];
  let i = 0;
  while (i < words.length) {
    const word = words[i++]!;
    if (word === "--") {
      operands.push(...words.slice(i));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      operands.push(word);
      if (!stopAtOperand) continue;
      operands.push(...words.slice(i));
      break;
    }
    const { name, attached } = findOption(word, specs);
    if (specs[name].takes === "nothing" && attached !== undefined) {
      throw new UsageError(`Option --${name} takes no value`);
    }
    const needed = specs[name].takes === "value" && attached === undefined;
    if (needed && i >= words.length) throw new UsageError(`Option --${name} needs a value`);
    const value = attached ?? (needed ? words[i++]! : "true");
    const given = options[name] ?? [];
    given.push(value);
    options[name] = given;
  }
  return { options, operands };
}

function findOption<Name extends string>(
  word: string,
  specs: Readonly<Record<Name, OptionSpec>>,
): { name: Name; attached: string | undefined } {
  const names = Object.keys(specs) as Name[];
  if (word.startsWith("--")) {
    const equals = word.indexOf("=");
    const given = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const name = names.find((one) => one === given);
    if (name) return { name, attached: equals < 0 ? undefined : word.slice(equals + 1) };
  } else {
    const name = names.find((one) => specs[one].short === word[1]);
    if (name) return { name, attached: word.length > 2 ? word.slice(2) : undefined };
  }
  throw new UsageError(`Unknown option "${word}": see --help`);
}

/** The option's only value. Throws UsageError when it was given twice. */
export function single<Name extends string>(
  line: CommandLine<Name>,
  name: Name,
): string | undefined {
  const values = line.options[name] ?? [];
  if (values.length > 1) throw new UsageError(`Option --${name} was given ${values.length} times`);
  return values[0];
}

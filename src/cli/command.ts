/** What a command is: parsing, help, completion and manual pages read the same table. */
import type { CommandLine, OptionSpec } from "./options.ts";
import type { Surroundings } from "./surroundings.ts";

/** What a word on the command line may be, for completion. */
export type Completion =
  | "kind"
  /** Names of the kind that was given before, or `KIND/NAME`. */
  | "name"
  | "namespace"
  | "context"
  /** A network namespace of this host. */
  | "netns"
  | "file"
  | { readonly kind: string }
  | readonly string[];

/** An option as people meet it. */
export interface Flag extends OptionSpec {
  /** One line, without a full stop. */
  readonly summary: string;
  /** The value's name in help: `FILE`. */
  readonly value?: string;
  readonly complete?: Completion;
}

export type Flags = Readonly<Record<string, Flag>>;

/** What a command is given to do its work. */
export interface Call<F extends Flags = Flags> {
  readonly line: CommandLine<keyof F & string>;
  readonly surroundings: Surroundings;
}

export interface Command<F extends Flags = Flags> {
  /** Behind `netloom`: `get`, `port attach`. */
  readonly name: string;
  /** One sentence: what it does. */
  readonly summary: string;
  /** Words behind the name, a line a way to call it. */
  readonly usage: readonly string[];
  /** Paragraphs for help and the manual, in lines of at most 96 columns. */
  readonly description?: string;
  readonly flags: F;
  /** What follows the name, in order; the last goes on. */
  readonly operands?: readonly Completion[];
  readonly examples: readonly Example[];
  /** What to say of an option that it has not, from all of its words; absent for the usual. */
  meantBy?(option: string, words: readonly string[]): Promise<string | undefined>;
  /** The exit status. Throws UsageError, ApiError, UnreachableError, TimedOut and others. */
  run(call: Call<F>): Promise<number>;
}

export interface Example {
  /** What it is for, without a full stop. */
  readonly does: string;
  /** Words behind `netloom`, or a whole line of shell where it begins with `$ `. */
  readonly line: string;
}

/** Keeps the names of a command's flags in its type. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command<F> {
  return command;
}

/** libnftables in process: runs nft's own language, one atomic transaction a script. */
import { CString, dlopen, type Pointer, ptr } from "bun:ffi";
import { closeSync, writeSync } from "../sys/files.ts";
import { memoryFile } from "../sys/libc.ts";
import { fromPrinted, NftError } from "./error.ts";

/** Source: nftables/libnftables.h, ABI version 1. */
const functions = {
  nft_ctx_new: { args: ["u32"], returns: "ptr" },
  nft_ctx_free: { args: ["ptr"], returns: "void" },
  nft_ctx_buffer_output: { args: ["ptr"], returns: "i32" },
  nft_ctx_buffer_error: { args: ["ptr"], returns: "i32" },
  nft_ctx_get_output_buffer: { args: ["ptr"], returns: "ptr" },
  nft_ctx_get_error_buffer: { args: ["ptr"], returns: "ptr" },
  nft_ctx_output_set_flags: { args: ["ptr", "u32"], returns: "void" },
  nft_ctx_set_dry_run: { args: ["ptr", "bool"], returns: "void" },
  nft_run_cmd_from_buffer: { args: ["ptr", "ptr"], returns: "i32" },
  nft_run_cmd_from_filename: { args: ["ptr", "ptr"], returns: "i32" },
} as const;

const outputFlag = {
  stateless: 1 << 2,
  handle: 1 << 3,
  json: 1 << 4,
  numericProto: 1 << 7,
  numericPrio: 1 << 8,
} as const;

export const libraryName = "libnftables.so.1";

const open = (name: string) => dlopen(name, functions).symbols;
let loaded: ReturnType<typeof open> | undefined;

/** The library's functions, loaded at first use: most plugin calls never need them. */
function load(name: string): ReturnType<typeof open> {
  if (name === libraryName && loaded) return loaded;
  try {
    const symbols = open(name);
    if (name === libraryName) loaded = symbols;
    return symbols;
  } catch (cause) {
    throw new NftError("use nftables", `"${name}" is missing: install Debian's "libnftables1"`, {
      code: "ENOPKG",
      cause,
    });
  }
}

/** How a script is run. */
export interface RunOptions {
  /** For errors: `install table "inet netloom_cni"`. */
  readonly op?: string;
  /** The kernel verifies everything and then forgets it. */
  readonly checkOnly?: boolean;
}

/**
 * One context. It belongs to the namespace that the calling thread is in when it is made, but
 * link names become indexes in the namespace of each run: make it and run it inside one `inNetns`.
 */
export class Libnftables implements Disposable {
  readonly #library: ReturnType<typeof open>;
  readonly #context: Pointer;

  /** Throws NftError with code `ENOPKG` where the library is missing. */
  constructor(name = libraryName) {
    this.#library = load(name);
    const context = this.#library.nft_ctx_new(0);
    if (!context) throw new NftError("use nftables", "no context", { code: "ENOMEM" });
    this.#context = context as Pointer;
    this.#library.nft_ctx_buffer_output(context);
    this.#library.nft_ctx_buffer_error(context);
  }

  [Symbol.dispose](): void {
    this.#library.nft_ctx_free(this.#context);
  }

  /** Runs a script whole or not at all. Throws NftError. */
  run(script: string, options: RunOptions = {}): void {
    this.#command(script, 0, options);
  }

  /** What a `list` command prints as text, with numbers for protocols, handles in comments. */
  listText(command: string, options: RunOptions = {}): string {
    const { stateless, handle, numericProto, numericPrio } = outputFlag;
    return this.#command(command, stateless | handle | numericProto | numericPrio, options);
  }

  /** The `nftables` array of a `list` command's JSON, by libnftables-json(5). */
  listJson(command: string, options: RunOptions = {}): readonly NftJson[] {
    const { json, stateless, numericProto, numericPrio } = outputFlag;
    const text = this.#command(command, json | stateless | numericProto | numericPrio, options);
    return text === "" ? [] : (JSON.parse(text) as { nftables: NftJson[] }).nftables;
  }

  #command(script: string, flags: number, options: RunOptions): string {
    const op = options.op ?? "run an nftables script";
    if (script.includes("\0")) throw new NftError(op, "it holds a NUL byte", { code: "syntax" });
    const library = this.#library;
    library.nft_ctx_set_dry_run(this.#context, options.checkOnly === true);
    library.nft_ctx_output_set_flags(this.#context, flags);
    const text = Buffer.from(`${script}\0`);
    const failed = library.nft_run_cmd_from_buffer(this.#context, ptr(text)) !== 0;
    const { output, printed } = this.#buffers();
    if (failed) throw this.#located(op, script) ?? fromPrinted(op, printed);
    return output;
  }

  /** The error of a refused script with its line: checks it once more, as a file. */
  #located(op: string, script: string): NftError | undefined {
    const fd = memoryFile("nftables");
    try {
      writeSync(fd, script);
      const path = Buffer.from(`/proc/self/fd/${fd}\0`);
      this.#library.nft_ctx_set_dry_run(this.#context, true);
      const failed = this.#library.nft_run_cmd_from_filename(this.#context, ptr(path)) !== 0;
      const { printed } = this.#buffers();
      // Somebody else's change in between may have made it right: then there is no line to name.
      return failed ? fromPrinted(op, printed) : undefined;
    } finally {
      closeSync(fd);
    }
  }

  /** Reading a buffer empties it: both are read after each run, so that no text leaks on. */
  #buffers(): { output: string; printed: string } {
    const [printed, output] = [
      this.#library.nft_ctx_get_error_buffer(this.#context),
      this.#library.nft_ctx_get_output_buffer(this.#context),
    ].map((at) => (at ? new CString(at as Pointer).toString() : ""));
    return { output: output!, printed: printed! };
  }
}

/** One entry of libnftables's JSON: an object with one key, its kind. */
export type NftJson = Readonly<Record<string, any>>;

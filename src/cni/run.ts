/** Runs one plugin as CNI says: variables and standard input in, result or error JSON out. */
import { writeSync } from "../kernel/sys/files.ts";
import type { Log } from "../lib/log.ts";
import { argsOf, callOf, checkVersion, validAttachments } from "./call.ts";
import { readConf, readDocument } from "./config.ts";
import { type CniEnv, readEnv } from "./env.ts";
import { CniError, cniCodes, errorJson, toCniError } from "./errors.ts";
import { openLog } from "./log-file.ts";
import type { Call, Plugin } from "./plugin.ts";
import { resultJson } from "./result.ts";
import { readInput, writeOutput } from "./streams.ts";
import {
  latestVersion,
  type NetConf,
  type Result,
  type SpecVersion,
  specVersions,
} from "./types.ts";

/** A plugin that is loaded only once its call has been found worth it. */
export interface PluginEntry {
  readonly type: string;
  load(): Promise<Plugin>;
}

/** What a call is answered with. */
export interface Answer {
  /** For standard output; may be empty. */
  readonly text: string;
  /** The process's exit status. */
  readonly status: 0 | 1;
}

/** The world that a call comes from. */
export interface Caller {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: () => string;
  readonly log: Log;
}

/** Serves the call that the environment and standard input hold. Gives the exit status. */
export async function runPlugin(entry: PluginEntry): Promise<number> {
  const env = process.env;
  if (env.CNI_COMMAND === undefined && isHandCalled(env)) {
    about(entry.type);
    return 0;
  }
  const caller = { env, stdin: readInput, log: openLog(env) };
  const { text, status } = await answer(entry, caller);
  if (text !== "") writeOutput(text);
  return status;
}

/** Serves one call of the plugin. Never throws. */
export async function answer(entry: PluginEntry, caller: Caller): Promise<Answer> {
  const { env, log } = caller;
  const started = performance.now();
  let cniVersion: SpecVersion = latestVersion;
  const about = {
    verb: env.CNI_COMMAND,
    plugin: entry.type,
    containerId: env.CNI_CONTAINERID,
    ifName: env.CNI_IFNAME,
    network: undefined as string | undefined,
  };
  const durationMs = () => Math.round((performance.now() - started) * 100) / 100;
  try {
    const cniEnv = readEnv(env);
    if (cniEnv.verb === "VERSION") return { text: versionJson(), status: 0 };
    const document = readDocument(readStdin(caller.stdin));
    cniVersion = document.cniVersion;
    checkVersion(cniEnv, cniVersion);
    const conf = confOf(cniEnv, document);
    about.network = conf.name;
    const args = argsOf(entry.type, cniEnv);
    const call = callOf({ env: cniEnv, args, conf, text: document.text }, (event) =>
      log({ ...about, ...event }),
    );
    const result = await dispatch(await entry.load(), cniEnv, call);
    const text = result ? resultJson(result, cniVersion) : "";
    log({ level: "info", event: "done", ...about, durationMs: durationMs() });
    return { text, status: 0 };
  } catch (thrown) {
    const error = toCniError(thrown);
    const { code, message, details } = error;
    const more = { durationMs: durationMs(), error: message, code, ...(details && { details }) };
    log({ level: "error", event: "failed", ...about, ...more });
    return { text: errorJson(error, cniVersion), status: 1 };
  }
}

/** What DEL does not need may be wrong: it takes away what an earlier configuration made. */
function confOf({ verb }: CniEnv, { raw, cniVersion }: ReturnType<typeof readDocument>): NetConf {
  try {
    return readConf(raw, cniVersion);
  } catch (error) {
    if (verb !== "DEL") throw error;
    const { name, type, ipam, prevResult } = raw;
    return { ...readConf({ name, type, ipam, prevResult }, cniVersion), raw };
  }
}

function readStdin(stdin: () => string): string {
  try {
    return stdin();
  } catch (error) {
    const { message } = error as Error;
    throw new CniError(
      cniCodes.io,
      `Cannot read the configuration from standard input: ${message}`,
    );
  }
}

async function dispatch(plugin: Plugin, env: CniEnv, call: Call): Promise<Result | undefined> {
  switch (env.verb) {
    case "ADD":
      return await plugin.add(call);
    case "DEL":
      await plugin.del(call);
      return undefined;
    case "CHECK":
      await plugin.check(call);
      return undefined;
    case "GC":
      await plugin.gc(call, validAttachments(call.conf.raw));
      return undefined;
    default:
      await plugin.status(call);
      return undefined;
  }
}

function versionJson(): string {
  return JSON.stringify({ cniVersion: latestVersion, supportedVersions: specVersions });
}

/** Nobody but a person calls a plugin without any of the variables. */
function isHandCalled(env: Caller["env"]): boolean {
  return !Object.keys(env).some((name) => name.startsWith("CNI_"));
}

function about(type: string): void {
  const lines = [
    `Netloom's CNI plugin "${type}". A container runtime calls it; "netloom cni --help" tells more.`,
    `CNI protocol versions supported: ${specVersions.join(", ")}`,
  ];
  writeSync(2, `${lines.join("\n")}\n`);
}

/** Runs one plugin as CNI says: variables and standard input in, result or error JSON out. */
import { writeSync } from "node:fs";
import type { Log } from "../lib/log.ts";
import { ConfigError } from "../model/config-error.ts";
import { filledText, listOf, object, text } from "../model/parse.ts";
import { readConf, readDocument } from "./config.ts";
import { type CniEnv, checkArgs, readEnv } from "./env.ts";
import { CniError, cniCodes, errorJson, toCniError } from "./errors.ts";
import { openLog } from "./log-file.ts";
import { checkNetns } from "./netns.ts";
import type { Call, Plugin } from "./plugin.ts";
import { readResult, resultJson } from "./result.ts";
import { readInput, writeOutput } from "./streams.ts";
import {
  type AttachmentId,
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
    const conf = readConf(document.raw, cniVersion);
    about.network = conf.name;
    const call = callOf(cniEnv, conf, (event) => log({ ...about, ...event }));
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

/** The first version of the specification that has the verb. */
const since: Readonly<Record<string, SpecVersion>> = {
  CHECK: "0.4.0",
  GC: "1.1.0",
  STATUS: "1.1.0",
};

function checkVersion(env: CniEnv, cniVersion: SpecVersion): void {
  const first = since[env.verb];
  if (!first || specVersions.indexOf(cniVersion) >= specVersions.indexOf(first)) return;
  throw new CniError(
    cniCodes.version,
    `cniVersion "${cniVersion}" has no ${env.verb}: it came with ${first}`,
  );
}

function callOf(env: CniEnv, conf: NetConf, log: Log): Call {
  if (env.verb !== "DEL") checkArgs(env.args);
  const netns = checkNetns(env);
  const prevResult = readPrevResult(env, conf, log);
  if (env.verb === "CHECK" && !prevResult) {
    throw new ConfigError("prevResult", "missing, CHECK needs the result of ADD");
  }
  return {
    containerId: env.containerId,
    ifName: env.ifName,
    ...(netns !== undefined && { netns }),
    args: env.args,
    path: env.path,
    conf,
    ...(prevResult && { prevResult }),
    runtimeConfig: conf.runtimeConfig,
    cniVersion: conf.cniVersion,
    log,
  };
}

/** Nothing in an old result may keep DEL from cleaning: there a wrong one is as none. */
function readPrevResult(env: CniEnv, conf: NetConf, log: Log): Result | undefined {
  if (conf.prevResult === undefined) return undefined;
  try {
    return readResult(conf.prevResult, conf.cniVersion, "prevResult");
  } catch (error) {
    if (env.verb !== "DEL") throw error;
    log({ level: "warn", event: "prevResult ignored", error: (error as Error).message });
    return undefined;
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

const validKey = "cni.dev/valid-attachments";
const olderKey = "cni.dev/attachments";

/** One entry; "" for an ifname is what some older records hold, so it passes. */
const attachment = object({ containerID: filledText, ifname: text });

/**
 * The attachments that GC must keep. A list of none, or the null that a Go caller's nil becomes,
 * means that everything goes; without the key we can't know, and delete nothing.
 * Throws ConfigError.
 */
export function validAttachments(raw: Readonly<Record<string, unknown>>): AttachmentId[] {
  const key = [validKey, olderKey].find((name) => Object.hasOwn(raw, name));
  if (key === undefined) {
    throw new ConfigError(
      validKey,
      "missing, GC needs the list of attachments to keep: [] removes all",
    );
  }
  return listOf(attachment)(raw[key], key).map(({ containerID, ifname }) => ({
    containerId: containerID,
    ifName: ifname,
  }));
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

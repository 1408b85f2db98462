/** Makes the checked call that a plugin gets of variables and configuration. */
import { writeSync } from "../kernel/sys/files.ts";
import type { Log } from "../lib/log.ts";
import { ConfigError } from "../model/config-error.ts";
import { filledText, listOf, object, text } from "../model/parse.ts";
import { type CniArgs, type CniEnv, readArgs } from "./env.ts";
import { CniError, cniCodes } from "./errors.ts";
import { checkNetns } from "./netns.ts";
import type { Call } from "./plugin.ts";
import { readResult } from "./result.ts";
import {
  type AttachmentId,
  type NetConf,
  type Result,
  type SpecVersion,
  specVersions,
} from "./types.ts";

/** The first version of the specification that has the verb. */
const since: Readonly<Record<string, SpecVersion>> = {
  CHECK: "0.4.0",
  GC: "1.1.0",
  STATUS: "1.1.0",
};

/** Throws CniError 1 when the version has no such verb. */
export function checkVersion(env: CniEnv, cniVersion: SpecVersion): void {
  const first = since[env.verb];
  if (!first || specVersions.indexOf(cniVersion) >= specVersions.indexOf(first)) return;
  throw new CniError(
    cniCodes.version,
    `cniVersion "${cniVersion}" has no ${env.verb}: it came with ${first}`,
  );
}

/** Plugins that never look at CNI_ARGS, nor does the reference's: what stands there is no fault. */
const heedless: ReadonlySet<string> = new Set(["dhcp", "loopback", "portmap", "sbr", "vrf"]);

/** Nothing in them may keep DEL from cleaning. */
export function argsOf(type: string, { verb, args }: CniEnv): CniArgs {
  return readArgs(args, verb !== "DEL" && !heedless.has(type));
}

/** What a call is made of. */
export interface Given {
  readonly env: CniEnv;
  readonly args: CniArgs;
  readonly conf: NetConf;
  readonly text: string;
}

/** Throws CniError 8 or 4 for the namespace, ConfigError for `prevResult`. */
export function callOf({ env, args, conf, text }: Given, log: Log): Call {
  const netns = checkNetns(env);
  const prevResult = readPrevResult(env, conf, log);
  if (env.verb === "CHECK" && !prevResult) {
    throw new ConfigError("prevResult", "missing, CHECK needs the result of ADD");
  }
  return {
    containerId: env.containerId,
    ifName: env.ifName,
    ...(netns !== undefined && { netns }),
    args,
    path: env.path,
    conf,
    text,
    ...(prevResult && { prevResult }),
    runtimeConfig: conf.runtimeConfig,
    cniVersion: conf.cniVersion,
    log,
    warn(message) {
      log({ level: "warn", event: "warning", message });
      writeSync(2, `netloom: ${message}\n`);
    },
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

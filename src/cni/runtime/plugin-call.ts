/** Calls one plugin of a list: its configuration, its environment, its program. */
import type { CniError } from "../errors.ts";
import { execPlugin, ownPlugin, requirePlugin } from "../exec.ts";
import { type SpecVersion, specVersions, type Verb } from "../types.ts";
import { type Attachment, envOf, type Runtime } from "./attachment.ts";
import type { NetworkList, PluginConf } from "./network-list.ts";

/** What a call adds to a plugin's configuration. */
export interface Additions {
  readonly prevResult?: Record<string, unknown>;
  readonly attachment?: Attachment;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A plugin's configuration with the list's name and version and what the call adds. */
export function confFor(
  { name, cniVersion }: NetworkList,
  { raw, capabilities }: PluginConf,
  { prevResult, attachment, more }: Additions,
): string {
  const given = attachment?.capabilityArgs ?? {};
  const wanted = capabilities.filter((capability) => Object.hasOwn(given, capability));
  const runtimeConfig = Object.fromEntries(wanted.map((key) => [key, given[key]]));
  return JSON.stringify({
    ...raw,
    name,
    cniVersion,
    ...(prevResult && { prevResult }),
    ...(wanted.length > 0 && { runtimeConfig }),
    ...more,
  });
}

/** One call. */
export interface PluginCall {
  readonly verb: Verb;
  readonly conf: string;
  readonly attachment?: Attachment;
}

/** Runs the plugin and gives what it prints. Throws CniError. */
export function callPlugin(
  runtime: Runtime,
  { type }: PluginConf,
  { verb, conf, attachment }: PluginCall,
) {
  const env = attachment ? envOf(runtime, attachment) : { path: runtime.path };
  const program = ownPlugin(type, runtime.path) ?? { file: requirePlugin(type, runtime.path) };
  return execPlugin({ type, ...program, detached: true, env: { ...env, verb }, stdin: conf });
}

/** Throws AggregateError unless there are none. */
export function throwAll(errors: readonly CniError[], message: string): void {
  if (errors.length > 0) throw new AggregateError(errors, message);
}

/** Whether the version has what came with `first`. */
export function hasVersion(version: SpecVersion, first: SpecVersion): boolean {
  return specVersions.indexOf(version) >= specVersions.indexOf(first);
}

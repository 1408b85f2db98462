/** Attaches containers to networks by running the networks' plugins, as libcni 1.3 does. */
import { CniError, cniCodes, toCniError } from "../errors.ts";
import { readResult, writeResult } from "../result.ts";
import type { Result, SpecVersion } from "../types.ts";
import type { Attachment, Runtime } from "./attachment.ts";
import {
  type CachedAttachment,
  type CacheKey,
  readCache,
  removeCache,
  writeCache,
} from "./cache.ts";
import { type NetworkList, type PluginConf, parseNetworkList } from "./network-list.ts";
import { callPlugin, confFor, hasVersion, throwAll } from "./plugin-call.ts";

/**
 * ADD: runs the plugins in order, each with the result before it, and remembers the last.
 * When one fails, the whole is undone with DEL before the error is thrown.
 * Throws CniError; code 102 when the attachment is there already.
 */
export async function addNetwork(
  runtime: Runtime,
  list: NetworkList,
  attachment: Attachment,
): Promise<Result> {
  const key = keyOf(list, attachment);
  if (readCache(runtime.cacheDir, key)) {
    throw new CniError(
      cniCodes.conflict,
      `Container "${key.containerId}" is on network "${key.network}" as "${key.ifName}" already: detach it first`,
    );
  }
  try {
    const result = await addAll(runtime, list, attachment);
    const { name: network, json } = list;
    const printed = writeResult(result, list.cniVersion);
    writeCache(runtime.cacheDir, { ...attachment, network, json, result: printed });
    return result;
  } catch (error) {
    await delAll(runtime, list, attachment, undefined).catch(() => {});
    throw error;
  }
}

async function addAll(runtime: Runtime, list: NetworkList, attachment: Attachment) {
  let result: Result | undefined;
  for (const plugin of list.plugins) {
    const prevResult = result && writeResult(result, list.cniVersion);
    const conf = confFor(list, plugin, { prevResult, attachment });
    const printed = await callPlugin(runtime, plugin, { verb: "ADD", conf, attachment });
    result = readPrinted(printed, plugin, list.cniVersion);
  }
  return result!;
}

/** A plugin that gives no `cniVersion` means the configuration's (containernetworking/cni#895). */
function readPrinted(printed: string, { type }: PluginConf, version: SpecVersion): Result {
  let value: unknown;
  try {
    value = JSON.parse(printed) ?? {};
  } catch (error) {
    throw new CniError(
      cniCodes.decoding,
      `Plugin "${type}" printed no JSON on ADD: ${(error as Error).message}`,
      printed.slice(0, 2000),
    );
  }
  return readResult(value, version, `result of plugin "${type}"`);
}

/**
 * DEL: runs the plugins in reverse order with the result of ADD (since 0.4.0). What ADD was told,
 * as the cache has it, counts more than `list`, which may have been edited since; `list` may be
 * only a name. Goes on past failures, and then keeps the cache for the next try.
 * Succeeds when there is nothing to detach. Throws AggregateError of CniError.
 */
export async function delNetwork(
  runtime: Runtime,
  list: NetworkList | { readonly name: string },
  attachment: Attachment,
): Promise<void> {
  const key = keyOf(list, attachment);
  const cached = readCache(runtime.cacheDir, key);
  const used = (cached && usableList(cached)) ?? list;
  if (isList(used)) await delAll(runtime, used, merged(attachment, cached), cached?.result);
  removeCache(runtime.cacheDir, key);
}

function isList(list: NetworkList | { readonly name: string }): list is NetworkList {
  return "plugins" in list;
}

function usableList(cached: CachedAttachment): NetworkList | undefined {
  try {
    return parseNetworkList(cached.json);
  } catch {
    return undefined;
  }
}

/** What is given now, and what ADD was given for the rest. */
function merged(attachment: Attachment, cached: CachedAttachment | undefined): Attachment {
  return {
    containerId: attachment.containerId,
    ifName: attachment.ifName,
    netns: attachment.netns ?? cached?.netns,
    args: attachment.args ?? cached?.args,
    capabilityArgs: attachment.capabilityArgs ?? cached?.capabilityArgs,
  };
}

async function delAll(
  runtime: Runtime,
  list: NetworkList,
  attachment: Attachment,
  result: CachedAttachment["result"] | undefined,
): Promise<void> {
  const prevResult = hasVersion(list.cniVersion, "0.4.0") ? inVersion(result, list) : undefined;
  const errors: CniError[] = [];
  for (const plugin of list.plugins.toReversed()) {
    const conf = confFor(list, plugin, { prevResult, attachment });
    await callPlugin(runtime, plugin, { verb: "DEL", conf, attachment }).catch((error) =>
      errors.push(toCniError(error)),
    );
  }
  throwAll(errors, `Cannot detach "${attachment.containerId}" from network "${list.name}"`);
}

/**
 * CHECK: runs the plugins in order with the result of ADD; the first that objects is thrown.
 * Does nothing for a list with `disableCheck`. Throws CniError: 1 below 0.4.0, 3 when the runtime
 * doesn't know the attachment.
 */
export async function checkNetwork(
  runtime: Runtime,
  list: NetworkList,
  attachment: Attachment,
): Promise<void> {
  if (!hasVersion(list.cniVersion, "0.4.0")) {
    throw new CniError(
      cniCodes.version,
      `Network "${list.name}" has cniVersion ${list.cniVersion}: CHECK came with 0.4.0`,
    );
  }
  if (list.disableCheck) return;
  const cached = readCache(runtime.cacheDir, keyOf(list, attachment));
  const prevResult = inVersion(cached?.result, list);
  if (!prevResult) {
    throw new CniError(
      cniCodes.unknownContainer,
      `Cannot check "${attachment.containerId}" on network "${list.name}": nothing tells that it was attached as "${attachment.ifName}"`,
    );
  }
  const all = merged(attachment, cached);
  for (const plugin of list.plugins) {
    const conf = confFor(list, plugin, { prevResult, attachment: all });
    await callPlugin(runtime, plugin, { verb: "CHECK", conf, attachment: all });
  }
}

const keyOf = (list: { readonly name: string }, { containerId, ifName }: Attachment): CacheKey => ({
  network: list.name,
  containerId,
  ifName,
});

/** The cached result as the list's version has it; undefined when it can't be understood. */
function inVersion(result: CachedAttachment["result"] | undefined, list: NetworkList) {
  if (!result) return undefined;
  try {
    return writeResult(readResult(result, list.cniVersion, "result"), list.cniVersion);
  } catch {
    return undefined;
  }
}

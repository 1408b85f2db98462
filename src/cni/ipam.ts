/** Delegates a network's addresses: to our own IPAM in this process, or to a plugin in CNI_PATH. */
import { type Begun, done } from "../lib/begun.ts";
import { CniError, cniCodes, toCniError } from "./errors.ts";
import { execPlugin, findPlugin, isOwnExecutable, requirePlugin } from "./exec.ts";
import type { Call, Plugin } from "./plugin.ts";
import { readResult } from "./result.ts";
import type { AttachmentId, Result, Verb } from "./types.ts";

type Awaitable<T> = T | Promise<T>;

/** Addresses held for an attachment. */
export interface Lease {
  /** `ips`, `routes`, `dns`; no `interfaces`. */
  readonly result: Result;
  /** Begins to make the lease survive a power cut. Until it does nothing may be printed. */
  durable(): Begun;
}

/** Whoever gives addresses. Throws what `errors.ts` maps. */
export interface Ipam {
  readonly type: string;
  /** Asks on the container's link, so it is called once that is up. */
  readonly needsLink: boolean;
  /** Leaves nothing behind when it throws. */
  reserve(call: Call): Awaitable<Lease>;
  /**
   * Ends a `reserve` for the same attachment that another call still waits in; absent where none
   * waits. Never throws.
   */
  giveUp?(call: Call): Promise<void>;
  /** Succeeds when nothing is held. */
  release(call: Call): Awaitable<void>;
  /** Throws unless the addresses of `prevResult` are held. */
  check(call: Call): Awaitable<void>;
  /** Releases what `valid` does not name. Gives those who held it, as far as known. */
  gc(call: Call, valid: readonly AttachmentId[]): Awaitable<readonly AttachmentId[]>;
  /** Throws unless an address is free. */
  status(call: Call): Awaitable<void>;
}

/** Our own, loaded when first asked. */
const ours: Readonly<Record<string, () => Promise<Ipam>>> = {
  dhcp: async () => (await import("./plugins/dhcp.ts")).dhcpIpam,
  "host-local": async () => (await import("./plugins/host-local.ts")).hostLocalIpam,
  static: async () => (await import("./plugins/static.ts")).staticIpam,
};

/**
 * The IPAM that a configuration names; undefined when it names none.
 *
 * A type of ours runs in this process if CNI_PATH leads to our own executable, or nowhere. Another
 * program under that name was put there by the operator, so it is run, as every foreign type is.
 * Throws CniError 7 when there is no such plugin.
 */
export async function ipamOf(call: Call): Promise<Ipam | undefined> {
  const type = call.conf.ipam?.type;
  if (type === undefined) return undefined;
  const own = Object.hasOwn(ours, type) ? ours[type] : undefined;
  if (!own) return foreignIpam(type, requirePlugin(type, call.path));
  const file = findPlugin(type, call.path);
  return file === undefined || isOwnExecutable(file) ? await own() : foreignIpam(type, file);
}

/** An IPAM of ours as a plugin of its own. */
export function ipamPlugin(ipam: Ipam): Plugin {
  return {
    type: ipam.type,
    async add(call) {
      const lease = await ipam.reserve(call);
      lease.durable().finish();
      return lease.result;
    },
    del: (call) => ipam.release(call),
    check: (call) => ipam.check(call),
    gc: async (call, valid) => void (await ipam.gc(call, valid)),
    status: (call) => ipam.status(call),
  };
}

/** A program that speaks CNI. It gets our own configuration and environment. */
function foreignIpam(type: string, file: string): Ipam {
  const run = (call: Call, verb: Verb) =>
    execPlugin({
      type,
      file,
      env: {
        verb,
        containerId: call.containerId,
        netns: call.netns,
        ifName: call.ifName,
        args: argsText(call),
        path: call.path,
      },
      stdin: JSON.stringify(call.conf.raw),
    });
  const runIfKnown = async (call: Call, verb: Verb) => {
    try {
      await run(call, verb);
    } catch (error) {
      if (!isUnknownVerb(error)) throw error;
      call.log({ level: "warn", event: "verb unknown to IPAM", ipam: type, verb });
    }
  };
  return {
    type,
    // The reference's plugins call it then, and it may rely on that.
    needsLink: true,
    async reserve(call) {
      try {
        const printed = await run(call, "ADD");
        return { result: leaseResult(printed, call, type), durable: () => done };
      } catch (error) {
        // What it may have done in part has to go: the specification asks for a DEL.
        await run(call, "DEL").catch((second) =>
          call.log({ level: "warn", event: "IPAM not undone", error: toCniError(second).message }),
        );
        throw error;
      }
    },
    release: async (call) => void (await run(call, "DEL")),
    check: async (call) => void (await run(call, "CHECK")),
    async gc(call) {
      await runIfKnown(call, "GC");
      return [];
    },
    status: (call) => runIfKnown(call, "STATUS"),
  };
}

function leaseResult(printed: string, call: Call, type: string): Result {
  let value: unknown;
  try {
    value = JSON.parse(printed);
  } catch (error) {
    throw new CniError(
      cniCodes.decoding,
      `IPAM plugin "${type}" printed no JSON: ${(error as Error).message}`,
      printed.slice(0, 2000),
    );
  }
  const { ips, routes, dns } = readResult(value, call.cniVersion, `result of IPAM "${type}"`);
  if (ips.length > 0) {
    return { interfaces: [], ips: ips.map(({ interface: _, ...ip }) => ip), routes, dns };
  }
  throw new CniError(cniCodes.config, `IPAM plugin "${type}" gave no address: correct its ranges`);
}

/** GC and STATUS came with 1.1.0: a plugin that doesn't know them yet has nothing to say. */
function isUnknownVerb(error: unknown): boolean {
  return (
    error instanceof CniError &&
    (error.code === cniCodes.version ||
      (error.code === cniCodes.environment && error.message.includes("unknown CNI_COMMAND")))
  );
}

function argsText({ args }: Call): string {
  const pairs = [...args.values].map(([key, value]) => `${key}=${value}`);
  if (args.ignoreUnknown) pairs.unshift("IgnoreUnknown=1");
  return pairs.join(";");
}

/** A network type as a CNI plugin: ADD to STATUS around the engine's attach and detach. */
import type { Driver } from "../../drivers/driver.ts";
import { type Attached, attach, refuseTaken } from "../../engine/attach.ts";
import { detachFrom } from "../../engine/detach.ts";
import { type Engine, openEngine } from "../../engine/engine.ts";
import { KernelFacts } from "../../engine/host-facts.ts";
import { lockAttachment, lockToDetach } from "../../engine/lock.ts";
import { attachmentId } from "../../engine/names.ts";
import { ConfigError } from "../../model/config-error.ts";
import { hostNetns, type KernelObject } from "../../model/kernel-object.ts";
import type { Port } from "../../model/port.ts";
import { isSet, requestedAliases, requestedDns, requestedMac } from "../capabilities.ts";
import { type Ipam, ipamOf, type Lease } from "../ipam.ts";
import type { Call, Plugin } from "../plugin.ts";
import type { AttachmentId, Result } from "../types.ts";

/** What a plugin adds to its driver. */
export interface LinkPluginOptions {
  /** The name it is called by, if not the driver's. */
  readonly type?: string;
  /** Objects beyond the driver's: published ports. */
  readonly extras?: (call: Call) => (port: Port, gatewayLink: string) => readonly KernelObject[];
}

/** The plugin of a driver. */
export function linkPlugin<C>(driver: Driver<C>, options: LinkPluginOptions = {}): Plugin {
  const type = options.type ?? driver.networkType;
  return {
    type,
    add: (call) => add(call, driver, options),

    async del(call) {
      using engine = openEngine();
      using _lock = await lockToDetach(engine.paths, attachmentId(call));
      const network = call.conf.name;
      const release = async () => (await ipamOf(call))?.release(call);
      await detachFrom(engine, { ...call, network, maker: type, release });
    },

    async check(call) {
      await (await ipamOf(call))?.check(call);
      using engine = openEngine();
      const { checkAttachment } = await import("../../engine/check.ts");
      await checkAttachment(engine, {
        ...call,
        maker: type,
        netns: call.netns!,
        result: call.prevResult!,
      });
    },

    async gc(call, valid) {
      const { collect } = await import("../../engine/collect.ts");
      using engine = openEngine();
      await finishAll([
        () => {
          const bridge = bridgeOf(driver, engine, call);
          return collect(engine, { network: call.conf.name, maker: type, valid, bridge });
        },
        () => collectAddresses(engine, call, valid),
      ]);
    },

    async status(call) {
      driver.parse(call.conf.raw);
      await (await ipamOf(call))?.status(call);
    },
  };
}

/** The network's bridge; undefined without one, and where a wrong configuration names none. */
function bridgeOf<C>(driver: Driver<C>, engine: Engine, call: Call): string | undefined {
  try {
    const facts = new KernelFacts(engine.session);
    const objects = driver.network(driver.parse(call.conf.raw), call.conf.name, facts);
    return objects.find((object) => object.kind === "link")?.name;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

async function add<C>(call: Call, driver: Driver<C>, options: LinkPluginOptions): Promise<Result> {
  const config = driver.parse(call.conf.raw);
  const mac = requestedMac(call);
  const aliases = requestedAliases(call);
  const extras = options.extras?.(call);
  const ipam = await ipamOf(call);
  using engine = openEngine();
  using _lock = await lockAttachment(engine.paths, attachmentId(call));
  // Before IPAM is asked: a foreign one that refuses a second ADD is sent DEL, as the specification
  // wants, and would give the first one's addresses away.
  refuseTaken(engine.session, { netns: call.netns!, ifName: call.ifName });
  const lease = await ipam?.reserve(call);
  try {
    refuseEmpty(lease, ipam?.type);
    const attached = await attach(engine, {
      containerId: call.containerId,
      ifName: call.ifName,
      network: call.conf.name,
      netns: call.netns!,
      maker: options.type ?? driver.networkType,
      driver,
      config,
      mac,
      aliases,
      allocation: allocationOf(lease),
      extras,
    });
    return resultOf(call, attached, lease);
  } catch (error) {
    await undoLease(call, ipam);
    throw error;
  }
}

function refuseEmpty(lease: Lease | undefined, type: string | undefined): void {
  if (lease?.result.ips.length !== 0) return;
  throw new ConfigError("ipam", `"${type}" gave no address: name one, or leave "ipam" out`);
}

async function undoLease(call: Call, ipam: Ipam | undefined): Promise<void> {
  try {
    await ipam?.release(call);
  } catch (error) {
    call.log({ level: "warn", event: "addresses not released", error: String(error) });
  }
}

function allocationOf(lease: Lease | undefined) {
  if (!lease) return { ips: [], routes: [] };
  const { ips, routes } = lease.result;
  return { ips, routes, persist: () => lease.durable() };
}

function resultOf(call: Call, { links, port }: Attached, lease: Lease | undefined): Result {
  const container = links.length - 1;
  const configured = isSet(call.conf.dns) ? call.conf.dns : lease?.result.dns;
  const dns = requestedDns(call) ?? configured ?? {};
  return {
    interfaces: links.map(({ netns, name, mac, mtu }) => ({
      name,
      mac,
      mtu,
      ...(netns === hostNetns ? {} : { sandbox: netns }),
    })),
    ips: port.ips.map((ip) => ({ ...ip, interface: container })),
    routes: port.routes,
    dns,
  };
}

/** Who held an address that goes may have been attached by the reference plugins. */
async function collectAddresses(
  engine: Engine,
  call: Call,
  valid: readonly AttachmentId[],
): Promise<void> {
  const gone = (await (await ipamOf(call))?.gc(call, valid)) ?? [];
  if (gone.length === 0) return;
  const { removeReferenceLeftovers } = await import("../../engine/reference-leftovers.ts");
  for (const holder of gone) {
    const of = { ...holder, network: call.conf.name };
    await removeReferenceLeftovers(engine, "link", of);
    await removeReferenceLeftovers(engine, "portmap", of);
  }
}

/** Does every piece of work, whatever fails, then throws what failed. */
async function finishAll(work: readonly (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const piece of work) {
    try {
      await piece();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, "Cannot remove everything");
}

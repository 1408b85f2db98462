/** A network type as a CNI plugin: ADD to STATUS around the engine's attach and detach. */
import type { Driver, HostFacts } from "../../drivers/driver.ts";
import type { AttachedPort } from "../../drivers/extra.ts";
import { type Allocation, type Attached, attach, refuseTaken } from "../../engine/attach.ts";
import { detachFrom } from "../../engine/detach.ts";
import { type Engine, openEngine } from "../../engine/engine.ts";
import type { ReferenceTraces } from "../../engine/extend.ts";
import { KernelFacts } from "../../engine/host-facts.ts";
import { lockAttachment, lockToDetach } from "../../engine/lock.ts";
import { attachmentId } from "../../engine/names.ts";
import { ConfigError } from "../../model/config-error.ts";
import { hostNetns, type KernelObject } from "../../model/kernel-object.ts";
import { isSet, requestedAliases, requestedDns, requestedMac } from "../capabilities.ts";
import { type Ipam, ipamOf, type Lease } from "../ipam.ts";
import type { Call, Plugin } from "../plugin.ts";
import type { AttachmentId, Result } from "../types.ts";

/** What a plugin adds to its driver. */
export interface LinkPluginOptions {
  /** The name it is called by, if not the driver's. */
  readonly type?: string;
  /** How the reference's plugin leaves a link that it did not make; code for where no record is. */
  readonly reference?: () => Promise<ReferenceTraces>;
  /** Objects beyond the driver's: published ports. */
  readonly extras?: (
    call: Call,
  ) => (port: AttachedPort, facts: HostFacts) => readonly KernelObject[];
  /** Whose engine it works with; that of in-process plugins unless set. */
  readonly open?: () => Engine & Disposable;
  /** Who gives addresses, if not whom the configuration names. */
  readonly ipam?: (call: Call) => Promise<Ipam | undefined>;
}

/** The plugin of a driver. */
export function linkPlugin<C>(driver: Driver<C>, options: LinkPluginOptions = {}): Plugin {
  const type = options.type ?? driver.networkType;
  const open = options.open ?? openEngine;
  const ipamFor = options.ipam ?? ipamOf;
  return {
    type,
    add: (call) => add(call, driver, { ...options, open, ipam: ipamFor }),

    async del(call) {
      using engine = open();
      const id = attachmentId(engine.paths, call);
      using _lock = await lockToDetach(engine.paths, id, () => giveUp(call, ipamFor));
      const network = call.conf.name;
      const ipam = ipamFor(call);
      const release = async () => (await ipam)?.release(call);
      const isFirst = await needsLink(ipam);
      const { reference } = options;
      const traced = { ...call, network, raw: call.conf.raw };
      const removeUnrecorded =
        reference && (async () => (await reference()).remove(engine, traced));
      const request = { ...call, network, maker: type, ...(reference && { removeUnrecorded }) };
      if (!isFirst) {
        await detachFrom(engine, { ...request, release });
        return;
      }
      // What was asked for on the link is given back on it: before it goes.
      await finishAll([release, () => detachFrom(engine, request)]);
    },

    async check(call) {
      await (await ipamFor(call))?.check(call);
      using engine = open();
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
      using engine = open();
      const links = () => {
        const bridge = bridgeOf(driver, engine, call);
        return collect(engine, { network: call.conf.name, maker: type, valid, bridge });
      };
      const addresses = () => collectAddresses(engine, call, { valid, ipam: ipamFor(call) });
      // A lease is given back over the container's link.
      const isFirst = await needsLink(ipamFor(call));
      await finishAll(isFirst ? [addresses, links] : [links, addresses]);
    },

    async status(call) {
      driver.parse(call.conf.raw);
      await (await ipamFor(call))?.status(call);
    },
  };
}

/** An ADD that has the lock and waits for addresses is told that nobody wants them any more. */
async function giveUp(call: Call, ipamFor: typeof ipamOf): Promise<void> {
  const ipam = await ipamFor(call).catch(() => undefined);
  await ipam?.giveUp?.(call);
}

/** The network's bridge; undefined without one, and where a wrong configuration names none. */
function bridgeOf<C>(driver: Driver<C>, engine: Engine, call: Call): string | undefined {
  try {
    const facts = new KernelFacts(engine);
    const objects = driver.network(driver.parse(call.conf.raw), call.conf.name, facts);
    return objects.find((object) => object.kind === "link")?.name;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

async function add<C>(
  call: Call,
  driver: Driver<C>,
  options: LinkPluginOptions & Required<Pick<LinkPluginOptions, "open" | "ipam">>,
): Promise<Result> {
  const config = driver.parse(call.conf.raw);
  const mac = requestedMac(call) ?? driver.mac?.(config);
  const aliases = requestedAliases(call);
  const extras = options.extras?.(call);
  const ipam = await options.ipam(call);
  using engine = options.open();
  using _lock = await lockAttachment(engine.paths, attachmentId(engine.paths, call));
  // Before IPAM is asked: a foreign one that refuses a second ADD is sent DEL, as the specification
  // wants, and would give the first one's addresses away.
  refuseTaken(engine.session, { netns: call.netns!, ifName: call.ifName });
  let lease: Lease | undefined;
  const allocate = async () => {
    lease = await ipam?.reserve(call);
    refuseEmpty(lease, ipam?.type);
    return lease ? allocationOf(lease) : inherited(call, driver);
  };
  try {
    const allocation = ipam?.needsLink ? allocate : await allocate();
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
      allocation,
      extras,
    });
    for (const message of attached.warnings) call.warn(message);
    return resultOf(call, attached, lease);
  } catch (error) {
    if (lease) await undoLease(call, ipam);
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

/** Without IPAM. */
function inherited({ prevResult }: Call, { inheritsAddresses }: Driver<any>): Allocation {
  const { ips = [], routes = [] } = (inheritsAddresses && prevResult) || {};
  return { ips: ips.map(({ interface: _, ...ip }) => ip), routes };
}

function allocationOf(lease: Lease): Allocation {
  const { ips, routes } = lease.result;
  return { ips, routes, persist: () => lease.durable() };
}

function resultOf(call: Call, { links, added, port }: Attached, lease: Lease | undefined): Result {
  const container = links.findLastIndex(({ netns }) => netns !== hostNetns);
  const configured = isSet(call.conf.dns) ? call.conf.dns : lease?.result.dns;
  const dns = requestedDns(call) ?? configured ?? {};
  return {
    interfaces: [...links, ...added].map(({ netns, name, mac, mtu }) => ({
      name,
      mac,
      mtu,
      ...(netns === hostNetns ? {} : { sandbox: netns }),
    })),
    ips: port.ips.map((ip) => ({ ...ip, ...(container >= 0 && { interface: container }) })),
    routes: port.routes,
    dns,
  };
}

/** Where the IPAM can't be asked, the order matters to nobody. */
function needsLink(ipam: Promise<Ipam | undefined>): Promise<boolean> {
  return ipam.then(
    (found) => found?.needsLink ?? false,
    () => false,
  );
}

/** Who held an address that goes may have been attached by the reference plugins. */
async function collectAddresses(
  engine: Engine,
  call: Call,
  of: { readonly valid: readonly AttachmentId[]; readonly ipam: Promise<Ipam | undefined> },
): Promise<void> {
  const gone = (await (await of.ipam)?.gc(call, of.valid)) ?? [];
  if (gone.length === 0) return;
  const { removeReferenceLeftovers } = await import("../../engine/reference-leftovers.ts");
  for (const holder of gone) {
    const left = { ...holder, network: call.conf.name };
    await removeReferenceLeftovers(engine, "link", left);
    await removeReferenceLeftovers(engine, "portmap", left);
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

/** Adds to an attachment that exists already, by whatever plugin, and takes that away again. */

import type { Extra } from "../drivers/extra.ts";
import { inTablesOf } from "../drivers/instance-tables.ts";
import type { KernelObject } from "../model/kernel-object.ts";
import type { Attachment } from "../model/port.ts";
import { describePort, type ToldAttachment } from "./attached-port.ts";
import { bootId } from "./boot.ts";
import { detach } from "./detach.ts";
import type { Engine } from "./engine.ts";
import { establish } from "./establish.ts";
import { KernelFacts } from "./host-facts.ts";
import { attachmentId } from "./names.ts";
import { readRecord } from "./record.ts";

/** What to add to which attachment. */
export interface ExtendRequest<Config = unknown> extends ToldAttachment {
  readonly extra: Extra<Config>;
  readonly config: Config;
}

/** What the reference's plugin of the same name makes, which no record of ours tells. */
export interface ReferenceTraces {
  /** Takes it away; none is fine. */
  remove(engine: Engine, of: TracedAttachment): Promise<void> | void;
  /** Whether it is there; absent: it looks as ours does. */
  has?(engine: Engine, of: TracedAttachment): Promise<boolean> | boolean;
}

/** An attachment as the runtime names it, with the plugin's configuration. */
export interface TracedAttachment extends Attachment {
  readonly network: string;
  /** Absent when it is gone. */
  readonly netns?: string;
  readonly raw: Readonly<Record<string, unknown>>;
}

/**
 * Adds everything or nothing, and gives what was added. Throws ConfigError, ConflictError,
 * NetlinkError, NftError, SysctlError.
 */
export async function extend<C>(
  engine: Engine,
  request: ExtendRequest<C>,
): Promise<readonly KernelObject[]> {
  const { extra, containerId, ifName, network, netns } = request;
  const maker = extra.name;
  const id = attachmentId(engine.paths, request);
  // First, so that what it changed is as it was before.
  const old = readRecord(engine.paths, { id, maker });
  if (old) await detach(engine, old);
  const objects = objectsOf(engine, request);
  if (objects.length === 0) return objects;
  const about = { containerId, ifName, network, netns, ...engine.session.identity(netns) };
  await establish(engine, { version: 1, boot: bootId(), id, maker, ...about, objects });
  return objects;
}

/** What should be added. Throws ConfigError. */
export function objectsOf<C>(engine: Engine, request: ExtendRequest<C>): readonly KernelObject[] {
  const port = describePort(engine, request);
  const facts = new KernelFacts(engine);
  return inTablesOf(facts.instance, request.extra.objects(port, request.config, facts));
}

/** What is to go with all that stands on it: that goes first, then the object itself. */
import { fenceOf } from "../../api/kinds/host.ts";
import type { Host, Port } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import { recallBlock, reclaimBlock } from "../../ipam/block-lease.ts";
import { mayReclaim } from "../../ipam/host-fence.ts";
import { hostsWith } from "../objects/attached.ts";
import { cascadeFinalizer } from "../objects/deleting.ts";
import { keyOf, keyOfReferrer, prefixOf, referrersPrefix } from "../objects/keys.ts";
import { decodeEntry } from "../objects/stored.ts";
import { blocksNaming, changeBlock, ifOvertaken } from "./blocks.ts";
import { changePrefixes, without } from "./node-prefixes.ts";
import {
  kindOf,
  nameOf,
  type ReconcileContext,
  type Reconciler,
  writer,
  writeStatus,
} from "./reconciler.ts";

/** What goes has an agent to hear of, or others to wait for: looked at again after so long. */
const againMs = 200;

/** Ports first, then what they stand on. */
const inNamespaces = ["Port", "Subnet", "Network"];

export const collector: Reconciler = {
  name: "collector",
  pauseMs: 20,
  touched: ({ object }) =>
    object?.metadata.deletionTimestamp && object.metadata.finalizers?.includes(cascadeFinalizer)
      ? [keyOf(kindOf(object.kind), object.metadata)]
      : [],
  async run(context, key) {
    const entry = await context.objects.store.get(key);
    if (!entry) return undefined;
    const object = decodeEntry(entry);
    const { finalizers, deletionTimestamp } = object.metadata;
    if (!deletionTimestamp || !finalizers?.includes(cascadeFinalizer)) return undefined;
    const isDone = await (dependents[object.kind] ?? referrers)(context, object);
    if (!isDone) return againMs;
    await context.objects
      .update(kindOf(object.kind), object.metadata, withoutFinalizer, writer)
      .catch(ifOvertaken);
    return undefined;
  },
};

const withoutFinalizer = (live: ApiObject): ApiObject => ({
  ...live,
  metadata: {
    ...live.metadata,
    finalizers: live.metadata.finalizers?.filter((each) => each !== cascadeFinalizer),
  },
});

/** Makes dependents go; gives whether none is left. */
type Dependents = (context: ReconcileContext, object: any) => Promise<boolean>;

const dependents: Readonly<Record<string, Dependents>> = { Namespace: contents, Host: hostParts };

async function contents(context: ReconcileContext, { metadata }: ApiObject): Promise<boolean> {
  for (const kind of inNamespaces.map(kindOf)) {
    const { items } = await context.objects.list(kind, { namespace: metadata.name, limit: 500 });
    for (const item of items) {
      await context.objects.delete(kind, item.metadata, { cascade: true }).catch(ifOvertaken);
    }
    if (items.length > 0) return false;
  }
  return true;
}

async function referrers(context: ReconcileContext, object: ApiObject): Promise<boolean> {
  const { objects } = context;
  const { entries } = await objects.store.list(
    referrersPrefix(keyOf(kindOf(object.kind), object.metadata)),
    { limit: 500 },
  );
  for (const { key } of entries) {
    const referrer = await objects.store.get(keyOfReferrer(key));
    if (!referrer) continue;
    const { kind, metadata } = decodeEntry(referrer);
    // A host outlives the subnets that it has prefixes of.
    if (kind === "Host") await changePrefixes(context, metadata.name, without(nameOf(object)));
    else await objects.delete(kindOf(kind), metadata, { cascade: true }).catch(ifOvertaken);
  }
  return entries.length === 0;
}

/**
 * A host's blocks come back and its ports are detached, at once where its operator says that it is
 * over; then it may go.
 */
async function hostParts(context: ReconcileContext, host: Host): Promise<boolean> {
  const { name } = host.metadata;
  const isOver = mayReclaim(fenceOf(host));
  const blocks = await blocksNaming(context, "Host", host);
  for (const block of blocks) {
    await changeBlock(context, block.name, (live) => {
      if (live.spec.host !== name) return live;
      if (!isOver) return live.spec.recalled ? live : recallBlock(live);
      return reclaimBlock(live, { lease: crypto.randomUUID(), nowMs: context.nowMs() });
    });
  }
  const ports = await portsOf(context, host);
  const attached = ports.filter((port) => hostsWith(port).includes(name));
  if (isOver) await unbind(context, name, attached);
  return blocks.length === 0 && (isOver || attached.length === 0);
}

async function portsOf({ objects }: ReconcileContext, { metadata }: Host): Promise<Port[]> {
  const { entries } = await objects.store.list(referrersPrefix(keyOf(kindOf("Host"), metadata)));
  const prefix = prefixOf(kindOf("Port"));
  const keys = entries.map(({ key }) => keyOfReferrer(key)).filter((key) => key.startsWith(prefix));
  const found = await Promise.all(keys.map((key) => objects.store.get(key)));
  return found.flatMap((entry) => (entry ? [decodeEntry(entry) as Port] : []));
}

/** Its entries stay as told, so that no later host counts less than one that is no more. */
async function unbind(context: ReconcileContext, host: string, ports: readonly Port[]) {
  for (const port of ports) {
    await writeStatus(context, port, ({ status }) => ({
      ...status,
      bindings: ((status as Port["status"])?.bindings ?? []).map((binding) =>
        binding.host === host ? { ...binding, active: false } : binding,
      ),
    }));
  }
}

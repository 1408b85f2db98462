/** What the API is to say of a port on this host. Pure, but for the time. */
import type { Port } from "../../api/kinds/index.ts";
import { claimedAddresses, madeBy } from "../../api/kinds/port.ts";
import type { Condition } from "../../api/object.ts";
import { groupVersion } from "../../api/object.ts";
import type { PortRecord } from "../port-records.ts";
import { timestamp } from "../timestamp.ts";

type Status = NonNullable<Port["status"]>;
type Binding = NonNullable<Status["bindings"]>[number];

/** The port that nobody declared. */
export function newPort({ port, network, identity }: PortRecord, host: string) {
  const reference =
    network.namespace === port.namespace ? network.name : `${network.namespace}/${network.name}`;
  return {
    apiVersion: groupVersion,
    kind: "Port",
    metadata: { ...port, labels: { [madeBy]: "agent" } },
    spec: {
      network: reference,
      type: "container" as const,
      host,
      ...(identity !== undefined && { identity }),
    },
  };
}

interface Read {
  readonly port: Port;
  readonly host: string;
}

/** A change of the port as it was read, and of no other. */
const patchOf = <S>({ metadata }: Port, status: S) => ({
  metadata: { resourceVersion: metadata.resourceVersion },
  status,
});

/** This host's binding alone, as a merge patch. */
export const bindingPatch = (binding: Binding, { port }: Pick<Read, "port">) =>
  patchOf(port, { bindings: withBinding(port.status?.bindings ?? [], binding) });

/** Its status as a merge patch: null takes a field away. The record has its epoch. */
export function statusPatch(record: PortRecord, read: Read) {
  const { port, host } = read;
  const { containerId, ifName, netns, hostLink, mac, addresses, since } = record;
  if (record.stage !== "attached") return gonePatch({ epoch: record.epoch!, since }, read);
  const binding = { host, epoch: record.epoch!, active: true };
  return patchOf(port, {
    mac: mac ?? null,
    addresses,
    ...(port.status?.wantedAddresses && { wantedAddresses: null }),
    attachment: { containerId, ifName, netns, hostLink: hostLink ?? null },
    bindings: withBinding(port.status?.bindings ?? [], binding),
    conditions: withCondition(withConcerns(record, port), {
      ...readiness(record, host),
      observedGeneration: port.metadata.generation,
    }),
  });
}

/** That nothing of it is on this host any more. */
export function gonePatch({ epoch, since }: { epoch: number; since: string }, read: Read) {
  const { port, host } = read;
  const { status, metadata } = port;
  const isConcern = ({ type }: Condition) => concerns.some((concern) => concern.type === type);
  const others = (status?.conditions ?? []).filter((condition) => !isConcern(condition));
  return patchOf(port, {
    addresses: lastingAddresses(port),
    ...(status?.wantedAddresses && { wantedAddresses: null }),
    attachment: null,
    bindings: withBinding(status?.bindings ?? [], { host, epoch, active: false }),
    conditions: withCondition(others, {
      ...{ type: "Ready", status: "False", reason: "Detached" },
      message: `Detached from host "${host}"`,
      lastTransitionTime: since,
      observedGeneration: metadata.generation,
    }),
  });
}

function readiness({ since, fault }: PortRecord, host: string) {
  const type = "Ready";
  if (fault === undefined) {
    const message = `Attached on host "${host}"`;
    return {
      type,
      status: "True",
      reason: "Attached",
      message,
      lastTransitionTime: since,
    } as const;
  }
  const message = `Attached on host "${host}", but changed since, and can't be put back: ${fault}`;
  const lastTransitionTime = timestamp();
  return { type, status: "False", reason: "NotAsDeclared", message, lastTransitionTime } as const;
}

/** What a port keeps when it is detached: others are free again, and may be another's next. */
function lastingAddresses(port: Port) {
  const { host, fixedIps = [] } = port.spec;
  const isFixed = (address: string) => fixedIps.some((fixed) => fixed.address === address);
  return claimedAddresses(port).filter(({ address }) => host === undefined || isFixed(address));
}

/** What may be amiss of a port that is attached, and what is told once that is over. */
const concerns = [
  {
    type: "Current",
    of: "notCurrent",
    reason: "AsDeclared",
    message: "It is as its network, subnets and port say",
  },
  {
    type: "Kept",
    of: "notKept",
    reason: "Recorded",
    message: "What an outside hand takes of it is put back",
  },
] as const;

/** Of what is attached: its conditions, with those that say what is amiss, once something was. */
const withConcerns = (record: PortRecord, port: Port): readonly Condition[] =>
  concerns.reduce(
    (known, { type, of, ...fine }) => {
      const others = known.filter((condition) => condition.type !== type);
      const amiss = record[of];
      if (!amiss && others.length === known.length) return known;
      return withCondition(known, {
        ...{ type, status: amiss ? "False" : "True", ...(amiss ?? fine) },
        lastTransitionTime: amiss ? timestamp() : record.since,
        observedGeneration: port.metadata.generation,
      });
    },
    port.status?.conditions ?? ([] as readonly Condition[]),
  );

/** Higher than any that the port had: what is attached later counts more. */
export const nextEpoch = ({ status }: Port): number =>
  Math.max(0, ...(status?.bindings ?? []).map(({ epoch }) => epoch)) + 1;

const withBinding = (known: readonly Binding[], own: Binding): Binding[] => [
  ...known.filter(({ host }) => host !== own.host),
  own,
];

/**
 * Whether the port is no more this record's: it moved, was attached anew here or elsewhere, or is
 * another of the same name. Then what the record says may not reach it.
 */
export function isSuperseded({ port, host }: Read, { portUid, epoch }: PortRecord): boolean {
  const { metadata, spec, status } = port;
  if (portUid !== undefined && portUid !== metadata.uid) return true;
  if (spec.host !== undefined && spec.host !== host) return true;
  return (status?.bindings ?? []).some((binding) => binding.epoch > (epoch ?? Infinity));
}

/**
 * Whether the record's port is gone, and another of its name has no part in what is attached: by
 * what the control plane holds, or on another host. Of this host's own blocks it is told anew.
 */
export function isReplaced({ port, host }: Read, { portUid, addresses }: PortRecord): boolean {
  if (portUid === undefined || portUid === port.metadata.uid) return false;
  return port.spec.host !== host || addresses.some(({ claimed }) => claimed);
}

/** Whether the API was told that the port is on this host. */
export const isBoundTo = ({ status }: Port, host: string): boolean =>
  status?.bindings?.some((binding) => binding.host === host && binding.active) ?? false;

/**
 * This host's binding while it is active, of this record or one before: with a later attachment
 * those that came before it are over.
 */
export function ownBinding({ port, host }: Read, { portUid, epoch = 0 }: PortRecord) {
  if (portUid !== port.metadata.uid) return undefined;
  return port.status?.bindings?.find(
    (binding) => binding.host === host && binding.epoch <= epoch && binding.active,
  );
}

/** Another status begins when the new one does; the same goes on. */
export function withCondition(known: readonly Condition[], next: Condition): Condition[] {
  const old = known.find(({ type }) => type === next.type);
  const since = old?.status === next.status ? old.lastTransitionTime : next.lastTransitionTime;
  const others = known.filter(({ type }) => type !== next.type);
  return [...others, { ...next, lastTransitionTime: since }];
}

/** Whether the object is of this very attachment, or of none yet. */
export function isOfRecord({ status }: Port, record: PortRecord): boolean {
  const holder = status?.attachment;
  return (
    holder?.containerId === undefined ||
    (holder.containerId === record.containerId && holder.ifName === record.ifName)
  );
}

/** Which attachments are as their networks, subnets and ports ask: no pass thinks of them again. */
import type { PortRecord } from "./port-records.ts";
import type { Asked } from "./wanted.ts";

export class Followed {
  /** By the attachment's id: what its record and objects were, one by one. */
  readonly #seen = new Map<string, readonly unknown[]>();

  /** It is as these ask. */
  note(record: PortRecord, asked: Asked): void {
    this.#seen.set(record.id, partsOf(record, asked));
  }

  /** Whether nobody asks for anything else since. */
  isSame(record: PortRecord, asked: Asked): boolean {
    const seen = this.#seen.get(record.id);
    if (!seen) return false;
    const now = partsOf(record, asked);
    return seen.length === now.length && seen.every((part, i) => part === now[i]);
  }

  /** Others are gone. */
  keepOnly(records: readonly PortRecord[]): void {
    if (this.#seen.size <= records.length) return;
    const ids = new Set(records.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id);
  }
}

/** The node spec keeps a `spec` the very same while it says the same. */
const partsOf = (
  { shape, notCurrent, portUid }: PortRecord,
  { network, port, subnets }: Asked,
): readonly unknown[] => [
  ...[shape, notCurrent?.reason, notCurrent?.message, portUid],
  ...[network.metadata.uid, network.spec, network.status?.mtu, port?.metadata.uid, port?.spec],
  ...subnets.flatMap(({ metadata, spec }) => [metadata.uid, spec]),
];

/** Removes what attachments left that the runtime no longer knows. */
import type { Attachment } from "../model/port.ts";
import { clean } from "./clean.ts";
import { detach } from "./detach.ts";
import type { Engine } from "./engine.ts";
import { attachmentId } from "./names.ts";
import { listRecords } from "./record.ts";

/** Whose attachments to look through. */
export interface CollectRequest {
  readonly network: string;
  readonly maker: string;
  /** Those that stay. */
  readonly valid: readonly Attachment[];
}

/**
 * Detaches every recorded attachment of the network that `valid` does not name; an empty `valid`
 * also removes what the network's attachments shared. Goes on past failures and throws them all.
 */
export async function collect(engine: Engine, request: CollectRequest): Promise<void> {
  const { network, maker, valid } = request;
  const keep = new Set(valid.map(attachmentId));
  const stale = listRecords(engine.paths).filter(
    (record) => record.network === network && record.maker === maker && !keep.has(record.id),
  );
  const errors: unknown[] = [];
  for (const record of stale) await detach(engine, record).catch((error) => errors.push(error));
  if (valid.length === 0) {
    try {
      await clean(engine);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `Cannot clean network "${network}"`);
}

/** Whether what was added to an attachment is in force. */
import { CheckError, type CheckRequest, checkAttachment } from "./check.ts";
import type { Engine } from "./engine.ts";
import {
  type ExtendRequest,
  objectsOf,
  type ReferenceTraces,
  type TracedAttachment,
} from "./extend.ts";
import { attachmentId } from "./names.ts";
import { readRecord } from "./record.ts";

/**
 * Throws CheckError unless what was added is in force: by our record, or as the reference made it.
 * Without `config` nothing was asked for.
 */
export async function checkExtension<C>(
  engine: Engine,
  request: Omit<ExtendRequest<C>, "config"> & {
    readonly config: C | undefined;
    readonly result: CheckRequest["result"];
    readonly raw: TracedAttachment["raw"];
  },
  traces: ReferenceTraces | undefined,
): Promise<void> {
  const { extra, config } = request;
  const maker = extra.name;
  const isRecorded =
    readRecord(engine.paths, { id: attachmentId(engine.paths, request), maker }) !== undefined;
  const wanted =
    isRecorded || config === undefined ? [] : objectsOf(engine, { ...request, config });
  const isTheirs = wanted.length > 0 && traces?.has !== undefined;
  await checkAttachment(engine, { ...request, maker, expected: isTheirs ? [] : wanted });
  if (!isTheirs || (await traces!.has!(engine, request))) return;
  throw new CheckError(
    `What "${maker}" adds to "${request.containerId}" is not in force: DEL and ADD it again`,
  );
}

/** Sends objects to the server: created, applied, patched, deleted. */
import type { WriteOptions } from "../../api/client/resource.ts";
import { type Api, fieldManager, type Named, type Place } from "../connection/api.ts";
import { single, UsageError } from "../options.ts";
import type { Terminal } from "../terminal.ts";
import type { Manifest } from "./manifest.ts";

export interface Sending {
  readonly dryRun: boolean;
  readonly manager: string;
  readonly force: boolean;
}

interface SendingLine {
  readonly options: {
    readonly "dry-run"?: readonly string[];
    readonly "field-manager"?: readonly string[];
    readonly "force-conflicts"?: readonly string[];
  };
  readonly operands: readonly string[];
}

/** What the command line says of how to send, by this manager unless told. Throws UsageError. */
export function sendingOf(line: SendingLine, manager = fieldManager): Sending {
  const dryRun = single(line, "dry-run");
  if (dryRun !== undefined && !["true", "server", "none"].includes(dryRun)) {
    throw new UsageError(
      `Option --dry-run is "server" or "none", not "${dryRun}": the server always checks`,
    );
  }
  return {
    dryRun: dryRun !== undefined && dryRun !== "none",
    manager: single(line, "field-manager") ?? manager,
    force: line.options["force-conflicts"] !== undefined,
  };
}

const optionsOf = ({ dryRun, manager }: Sending) =>
  ({ dryRun, fieldManager: manager, fieldValidation: "Strict" }) as const satisfies WriteOptions;

/** The object as it is sent: in the namespace where it goes. */
function sent({ object }: Manifest, { namespace }: Place): any {
  const metadata = namespace === undefined ? object.metadata : { ...object.metadata, namespace };
  return { ...object, metadata };
}

/** Server-side apply. Throws ApiError. */
export function applied(
  api: Api,
  manifest: Manifest,
  place: Place,
  sending: Sending,
): Promise<any> {
  const options = { ...optionsOf(sending), force: sending.force };
  return api.client.of(place.kind).apply(sent(manifest, place), options);
}

/** Throws ApiError. */
export const created = (
  api: Api,
  manifest: Manifest,
  place: Place,
  sending: Sending,
): Promise<any> => api.client.of(place.kind).create(sent(manifest, place), optionsOf(sending));

/** JSON merge patch. Throws ApiError. */
export const patched = (api: Api, place: Named, patch: object, sending: Sending): Promise<any> =>
  api.client.of(place.kind).mergePatch(place, patch, optionsOf(sending));

/** Does it for each; a failure does not stop the others. Throws AggregateError at the end. */
export async function forEach<T>(
  items: readonly T[],
  act: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      await act(item);
    } catch (error) {
      // Where nobody answers, the next is not answered either.
      if ((error as Error).name === "UnreachableError") throw error;
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} failures`);
}

/** `network.netloom.dev/web created`, with what a dry run adds. */
export function tell(terminal: Terminal, label: string, verb: string, sending: Sending): void {
  const colour =
    verb === "unchanged" ? "dim" : ["deleted", "terminating"].includes(verb) ? "yellow" : "green";
  const suffix = sending.dryRun ? " (dry run)" : "";
  terminal.out(`${label} ${terminal.paint(colour, verb)}${suffix}\n`);
}

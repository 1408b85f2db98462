/** Deletes objects, and sees them gone. */
import type { DeleteOptions } from "../../api/client/resource.ts";
import { isNotFound } from "../../api/status-error.ts";
import type { Call } from "../command.ts";
import type { deleteFlags } from "../commands/delete.ts";
import { apiOf } from "../connection/api.ts";
import { milliseconds } from "../duration.ts";
import { single, UsageError } from "../options.ts";
import { nameOf } from "../output/format.ts";
import { type Selected, selected } from "./selection.ts";
import { forEach, sendingOf, tell } from "./send.ts";
import { waitUntil } from "./wait-until.ts";

const defaultTimeout = "60s";

/** `--cascade` → Kubernetes' propagationPolicy. Without it nothing that others stand on goes. */
const policies: Readonly<Record<string, DeleteOptions["propagationPolicy"]>> = {
  true: "Foreground",
  foreground: "Foreground",
  background: "Background",
  false: undefined,
};

export async function deleteObjects(call: Call<typeof deleteFlags>): Promise<number> {
  const { line, surroundings } = call;
  const cascade = single(line, "cascade");
  if (cascade !== undefined && !Object.hasOwn(policies, cascade)) {
    throw new UsageError(`Option --cascade is "foreground" or "background", not "${cascade}"`);
  }
  const wait = single(line, "wait") ?? "true";
  if (wait !== "true" && wait !== "false") {
    throw new UsageError(`Option --wait is "true" or "false", not "${wait}"`);
  }
  const sending = sendingOf(line);
  const namesOnly = single(line, "output") === "name";
  const deadline = surroundings.now() + milliseconds(single(line, "timeout") ?? defaultTimeout);
  const api = apiOf(call);
  const meant = await selected(line, api, surroundings);
  if (meant.length === 0) surroundings.terminal.note("No objects: nothing was deleted");
  const remove = async (place: Selected): Promise<Selected | undefined> => {
    try {
      const policy = cascade === undefined ? undefined : policies[cascade];
      const { dryRun } = sending;
      const options = { dryRun, propagationPolicy: policy };
      const answer: any = await api.client.of(place.kind).delete(place, options);
      const label = nameOf(place.kind, place.name);
      if (namesOnly) surroundings.terminal.out(`${label}\n`);
      else tell(surroundings.terminal, label, "deleted", sending);
      return { ...place, uid: place.uid ?? answer.details?.uid ?? answer.metadata?.uid };
    } catch (error) {
      if (line.options["ignore-not-found"] && isNotFound(error)) return undefined;
      throw error;
    }
  };
  const isAwaited = wait === "true" && !sending.dryRun;
  await forEach(byKind(meant), async (places) => {
    const going: Selected[] = [];
    const steps = [
      () => forEach(places, async (place) => void going.push(...listed(await remove(place)))),
      () =>
        forEach(isAwaited ? going : [], (place) =>
          waitUntil({ api, place, until: "delete", deadline, surroundings, uid: place.uid }),
        ),
    ];
    await forEach(steps, (step) => step());
  });
  return 0;
}

const listed = (place: Selected | undefined) => (place ? [place] : []);

/** What stands on others first: it is gone before they are asked to go. */
function byKind(meant: readonly Selected[]): Selected[][] {
  const groups: Selected[][] = [];
  for (const place of meant.toReversed()) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === place.kind) last.push(place);
    else groups.push([place]);
  }
  return groups;
}

/** Applies objects of files, in the order in which they stand on each other. */
import { ApiError } from "../../api/status-error.ts";
import type { Call } from "../command.ts";
import type { applyFlags } from "../commands/apply.ts";
import { type Api, apiOf, type Named, type Place } from "../connection/api.ts";
import { milliseconds } from "../duration.ts";
import { single, UsageError } from "../options.ts";
import {
  complete,
  formatOf,
  listOf,
  nameOf,
  printed,
  withoutManagedFields,
} from "../output/format.ts";
import { readFiles } from "./files.ts";
import { inBuildOrder, type Manifest, placeOf } from "./manifest.ts";
import { applied, created, forEach, type Sending, sendingOf, tell } from "./send.ts";
import { Unmade } from "./unmade.ts";
import { waitUntil } from "./wait-until.ts";

type ApplyCall = Call<typeof applyFlags>;

interface Outcome {
  readonly manifest: Manifest;
  readonly place: Place;
  readonly object: any;
  readonly verb: "created" | "configured" | "unchanged";
}

/** Kinds with the condition Ready, and which of them come to it by themselves. */
const becomesReady: Readonly<Record<string, (object: any) => boolean>> = {
  Network: () => true,
  Subnet: () => true,
  Port: ({ spec }) => spec.type !== "container" && spec.host !== undefined,
};
const defaultWait = "60s";

export async function apply(call: ApplyCall): Promise<number> {
  const { line, surroundings } = call;
  if (line.operands.length > 0) {
    throw new UsageError(`netloom apply takes files: -f ${line.operands[0]}`);
  }
  const format = line.options.output ? formatOf(single(line, "output")) : undefined;
  const sending = sendingOf(line);
  const timeoutMs = milliseconds(single(line, "timeout") ?? defaultWait);
  const manifests = inBuildOrder(await readFiles(line.options, surroundings));
  const api = apiOf(call);
  const outcomes: Outcome[] = [];
  const unmade = new Unmade();
  try {
    await forEach(manifests, async (manifest) => {
      const outcome = await applyOne({ api, manifest, sending, unmade });
      outcomes.push(outcome);
      if (format) return;
      const label = nameOf(manifest.kind, outcome.object.metadata.name);
      tell(surroundings.terminal, label, outcome.verb, sending);
    });
  } finally {
    if (format?.as === "name" || format?.as === "table") {
      const names = outcomes.map((each) => nameOf(each.place.kind, each.object.metadata.name));
      surroundings.terminal.out(names.map((name) => `${name}\n`).join(""));
    } else if (format) {
      const objects = outcomes.map(({ object }) => withoutManagedFields(object));
      const whole = objects.length === 1 ? objects[0] : listOf(objects);
      surroundings.terminal.out(printed(format, whole));
    }
  }
  const waited = outcomes.filter(({ place, object }) => becomesReady[place.kind.kind]?.(object));
  if (line.options.wait && !sending.dryRun) {
    const deadline = surroundings.now() + timeoutMs;
    await forEach(waited, async ({ place, object }) => {
      const named = { ...place, name: object.metadata.name };
      const condition = { type: "Ready", status: "True" };
      await waitUntil({ api, place: named, until: { condition }, deadline, surroundings });
    });
  }
  return 0;
}

interface Application {
  readonly api: Api;
  readonly manifest: Manifest;
  readonly sending: Sending;
  readonly unmade: Unmade;
}

/** An object without a name is created: there is none to compare with. */
async function applyOne({ api, manifest, sending, unmade }: Application): Promise<Outcome> {
  const place = placeOf(manifest, api);
  try {
    if (place.name === undefined) {
      const object = await created(api, manifest, place, sending);
      return { manifest, place, object: complete(place.kind, object), verb: "created" };
    }
    const before = await liveObject(api, { ...place, name: place.name });
    const object = await applied(api, manifest, place, sending);
    const verb = !before ? "created" : isSame(before, object) ? "unchanged" : "configured";
    if (sending.dryRun && !before) unmade.add(place);
    return { manifest, place, object: complete(place.kind, object), verb };
  } catch (error) {
    if (sending.dryRun && unmade.explains(error, manifest, place)) {
      unmade.add(place);
      return { manifest, place, object: manifest.object, verb: "created" };
    }
    throw withSource(error, manifest);
  }
}

/** The object as the server has it, or undefined. */
export const liveObject = (api: Api, place: Named): Promise<any> =>
  api.client.of(place.kind).find(place);

/** A dry run gives no new version, and who set what may change without the object. */
function isSame(before: any, after: any): boolean {
  if (before.metadata.resourceVersion !== after.metadata.resourceVersion) return false;
  return (
    JSON.stringify(withoutManagedFields(before)) === JSON.stringify(withoutManagedFields(after))
  );
}

/** The message says which file, and how fields of others are taken over. */
export function withSource(error: unknown, { source }: Manifest): unknown {
  if (error instanceof ApiError) {
    const causes = error.status.details?.causes ?? [];
    const isOthers = causes.some(({ reason }) => reason === "FieldManagerConflict");
    const remedy = isOthers ? ": --force-conflicts takes over what others set" : "";
    error.message = `${error.message} (${source})${remedy}`;
  }
  return error;
}

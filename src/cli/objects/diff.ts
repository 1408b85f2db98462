/** Shows what apply would change: the live object against the server's dry run. */
import type { Call } from "../command.ts";
import type { diffFlags } from "../commands/apply.ts";
import { apiOf } from "../connection/api.ts";
import { UsageError } from "../options.ts";
import { complete, withoutManagedFields } from "../output/format.ts";
import { unifiedDiff } from "../output/unified-diff.ts";
import { yaml } from "../output/yaml.ts";
import type { Terminal } from "../terminal.ts";
import { liveObject, withSource } from "./apply.ts";
import { readFiles } from "./files.ts";
import { inBuildOrder, placeOf } from "./manifest.ts";
import { applied, created, forEach, sendingOf } from "./send.ts";
import { Unmade } from "./unmade.ts";

export async function diff(call: Call<typeof diffFlags>): Promise<number> {
  const { line, surroundings } = call;
  if (line.operands.length > 0) {
    throw new UsageError(`netloom diff takes files: -f ${line.operands[0]}`);
  }
  const manifests = inBuildOrder(await readFiles(line.options, surroundings));
  const api = apiOf(call);
  const sending = { ...sendingOf(line), dryRun: true };
  const unmade = new Unmade();
  let differs = false;
  await forEach(manifests, async (manifest) => {
    const place = placeOf(manifest, api);
    try {
      const live =
        place.name === undefined
          ? undefined
          : await liveObject(api, { ...place, name: place.name });
      const send = place.name === undefined ? created : applied;
      const merged = await send(api, manifest, place, sending).catch((error: unknown) => {
        if (unmade.explains(error, manifest, place)) return manifest.object;
        throw error;
      });
      if (!live) unmade.add(place);
      const path = [place.kind.plural, place.namespace, merged.metadata.name]
        .filter(Boolean)
        .join("/");
      const shown = (object: any) => (object ? yaml(comparable(complete(place.kind, object))) : "");
      const text = unifiedDiff(
        { name: `live/${path}`, text: shown(live) },
        { name: `applied/${path}`, text: shown(merged) },
      );
      if (text === "") return;
      differs = true;
      surroundings.terminal.out(painted(text, surroundings.terminal));
    } catch (error) {
      throw withSource(error, manifest);
    }
  });
  return differs ? 1 : 0;
}

/** Without what changes by being written, and the status, which others change meanwhile. */
function comparable({ status: _, ...object }: any): unknown {
  const {
    resourceVersion: __,
    uid: ___,
    creationTimestamp: ____,
    generation: _____,
    ...metadata
  } = withoutManagedFields(object).metadata as any;
  return { ...object, metadata };
}

function painted(text: string, terminal: Terminal): string {
  const colours = { "+": "green", "-": "red", "@": "dim" } as const;
  return text
    .split("\n")
    .map((line) => {
      const colour = colours[line[0] as keyof typeof colours];
      return colour ? terminal.paint(colour, line) : line;
    })
    .join("\n");
}

/** Finds the objects that names, files or selectors mean. */
import type { Api, Named } from "../connection/api.ts";
import { UsageError } from "../options.ts";
import type { Surroundings } from "../surroundings.ts";
import { readFiles } from "./files.ts";
import { inBuildOrder, placeOf } from "./manifest.ts";
import { targetsOf } from "./targets.ts";

/** One object. `uid` where it was read. */
export interface Selected extends Named {
  readonly uid?: string;
}

interface SelectionLine {
  readonly operands: readonly string[];
  readonly options: {
    readonly filename?: readonly string[];
    readonly recursive?: readonly string[];
    readonly all?: readonly string[];
    readonly "all-namespaces"?: readonly string[];
    readonly selector?: readonly string[];
    readonly "field-selector"?: readonly string[];
  };
}

/** Every object meant, what others stand on first. Throws UsageError and ApiError. */
export async function selected(
  line: SelectionLine,
  api: Api,
  surroundings: Pick<Surroundings, "readStdin">,
): Promise<Selected[]> {
  const { options, operands } = line;
  if (options.filename) {
    if (operands.length > 0) throw new UsageError("Give -f or names, not both");
    const manifests = inBuildOrder(await readFiles(options, surroundings));
    return manifests.map((manifest) => {
      const { name, ...place } = placeOf(manifest, api);
      if (name !== undefined) return { ...place, name };
      throw new UsageError(`${manifest.source} has no metadata.name: it can't be found again`);
    });
  }
  const targets = targetsOf(operands);
  if (targets.length === 0)
    throw new UsageError("Say which objects: KIND NAME…, KIND/NAME… or -f FILE");
  const labelSelector = options.selector?.join(",");
  const fieldSelector = options["field-selector"]?.join(",");
  const isSelecting = (options.all ?? labelSelector ?? fieldSelector) !== undefined;
  const namespace = options["all-namespaces"] ? undefined : api.namespace;
  const found: Selected[] = [];
  for (const { kind, name } of targets) {
    const place = { kind, ...(kind.namespaced && { namespace }) };
    if (name !== undefined && isSelecting)
      throw new UsageError("Give names or a selector, not both");
    if (name !== undefined)
      found.push({ ...place, namespace: kind.namespaced ? api.namespace : undefined, name });
    else if (isSelecting) {
      const selection = { namespace: place.namespace, labelSelector, fieldSelector };
      const { items } = await api.client.of(kind).list(selection);
      for (const { metadata } of items) {
        const { namespace: own, name, uid } = metadata;
        found.push({ ...place, namespace: own, name, uid });
      }
    } else {
      throw new UsageError(`Say which ${kind.plural}: names, -l LABELS, or --all`);
    }
  }
  return found;
}

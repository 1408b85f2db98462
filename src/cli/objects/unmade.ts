/** Tells what a dry run can't check: objects that stand on others which it did not really make. */
import { ApiError } from "../../api/status-error.ts";
import type { Place } from "../connection/api.ts";
import type { Manifest } from "./manifest.ts";

/** What a dry run would have made. */
export class Unmade {
  readonly #keys = new Set<string>();

  add({ kind, namespace, name }: Place): void {
    this.#keys.add(keyOf(kind.kind, namespace, name));
  }

  /** Whether the server lacks nothing but what the dry run would have made. */
  explains(error: unknown, { kind, object }: Manifest, { namespace }: Place): boolean {
    if (!(error instanceof ApiError) || error.reason !== "Invalid") return false;
    const causes = error.status.details?.causes ?? [];
    const metadata = { ...object.metadata, ...(namespace !== undefined && { namespace }) };
    const references = kind.references?.({ ...object, metadata } as never) ?? [];
    return (
      causes.length > 0 &&
      causes.every(({ reason, field }) => {
        const wanted = references.find(({ path }) => path === field);
        if (reason !== "FieldValueNotFound" || !wanted) return false;
        return this.#keys.has(keyOf(wanted.kind, wanted.namespace, wanted.name));
      })
    );
  }
}

const keyOf = (kind: string, namespace = "", name = "") => `${kind}/${namespace}/${name}`;

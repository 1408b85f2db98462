/** A port is counted for what it is to have before it gets it, so that quotas can refuse it. */
import type { Port } from "../../api/kinds/index.ts";
import { type ApiError, ifAbsent } from "../../api/status-error.ts";
import { countsOf } from "../objects/counts.ts";
import { tellTrouble } from "./address-trouble.ts";
import { kindOf, type ReconcileContext, writer } from "./reconciler.ts";

const portKind = kindOf("Port");

/** `now`: the port has changed by it, and is to be read again. */
export type Reserved = "done" | "now" | "refused";

/** Counts the port for so many addresses; where a quota refuses that, its condition says so. */
export async function reserve(
  context: ReconcileContext,
  port: Port,
  addresses: number,
): Promise<Reserved> {
  if (countsOf(portKind, port).addresses >= addresses) return "done";
  try {
    const written = await context.objects
      .update(
        portKind,
        port.metadata,
        (live) => ({ ...live, status: { ...(live as Port).status, reservedAddresses: addresses } }),
        { ...writer, subresource: "status" },
      )
      .catch(ifAbsent);
    // What changed nothing would change nothing the next time.
    const isSame = written?.metadata.resourceVersion === port.metadata.resourceVersion;
    return isSame ? "refused" : "now";
  } catch (error) {
    const { reason, message } = error as ApiError;
    if (reason !== "Forbidden") throw error;
    await tellTrouble(context, port, { reason: "QuotaExceeded", message });
    return "refused";
  }
}

/** Lists across namespaces as far as the caller may. */
import { reasonOf } from "../exit.ts";

export interface InSight<T> {
  readonly found: T;
  /** Whether other namespaces are left out. */
  readonly isPart: boolean;
}

/** In all namespaces; who may not list those: in his own. Throws ApiError. */
export async function inSight<T>(
  own: string,
  list: (namespace?: string) => Promise<T>,
): Promise<InSight<T>> {
  try {
    return { found: await list(), isPart: false };
  } catch (error) {
    if (reasonOf(error) !== "Forbidden") throw error;
    return { found: await list(own), isPart: true };
  }
}

export const portsElsewhere = "Ports of other namespaces are not shown: you may not list them";

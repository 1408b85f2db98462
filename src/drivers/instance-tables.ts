/** Each instance has nftables tables of its own: drivers speak of those of in-process plugins. */
import type { KernelObject } from "../model/kernel-object.ts";
import type { NftTableSpec } from "../model/nft.ts";
import { inetTable, skeleton } from "./skeleton.ts";

const plugins = "cni";

/** What the names of in-process plugins' tables begin with, those of guards too. */
const drawn = new RegExp(`^${inetTable.table}(?=_|$)`);

function tableOf(instance: string, table: string): string {
  return table.replace(drawn, `netloom_${instance}`);
}

/** Our static tables as an instance has them, whose bridge ports' names begin with the prefix. */
export function skeletonOf(instance: string, portPrefix: string): readonly NftTableSpec[] {
  if (instance === plugins) return skeleton;
  return skeleton.map((table) => ({
    ...table,
    name: tableOf(instance, table.name),
    chains: table.chains.map((chain) => ({
      ...chain,
      rules: chain.rules.map((rule) => rule.replace('"nl*"', `"${portPrefix}*"`)),
    })),
  }));
}

/** What drivers ask for, in the tables of the instance. */
export function inTablesOf(
  instance: string,
  objects: readonly KernelObject[],
): readonly KernelObject[] {
  if (instance === plugins) return objects;
  return objects.map((object) =>
    "table" in object && typeof object.table === "string"
      ? ({ ...object, table: tableOf(instance, object.table) } as KernelObject)
      : object,
  );
}

/** Whether what a host reports of a block is an allocation: others read it, and rely on it. */
import { isIp, parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import type { Fault } from "../object.ts";
import { integer, map, object, text } from "../schema.ts";
import { validate } from "../validate.ts";

const long = { maxLength: 4096 } as const;
const required = <S extends object>(schema: S) => ({ ...schema, required: true }) as const;
const count = (description: string) =>
  integer(description, { minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** As `BlockAllocation` in `ipam/block-allocation.ts`. */
const allocation = object("The state of a block.", {
  block: text("The block's name.", { required: true as const }),
  subnet: object(
    "Whose addresses.",
    {
      namespace: text("The subnet's namespace.", { format: "name", required: true as const }),
      name: text("The subnet's name.", { format: "name", required: true as const }),
    },
    { required: true as const },
  ),
  cidr: text("All its addresses.", { format: "cidr", required: true as const }),
  lease: text("Of which lease.", { required: true as const }),
  stage: text("Whether it is given from.", {
    enum: ["giving", "recalled", "returned", "lost"],
    required: true,
  }),
  boot: text("In which boot."),
  revision: required(count("Of the view that was heeded.")),
  sequence: required(count("Of its changes.")),
  reopenedFrom: count("Of the report that stands in for a lost file."),
  held: required(
    map(
      "By address.",
      object("Who holds it.", {
        owner: text("Whose it is.", { ...long, required: true }),
        identity: text("What the workload is.", long),
        stickyForMs: count("For how long it is kept."),
        claim: text("For which claim.", long),
      }),
    ),
  ),
  rested: required(
    map(
      "By address.",
      object("Since when it rests.", {
        since: required(count("Since when.")),
        identity: text("Whose it was.", long),
        keptUntil: count("Until when."),
      }),
    ),
  ),
  refused: required(map("By claim.", text("Why.", long))),
});

interface Block {
  readonly spec: { readonly cidr: string };
  readonly status?: { readonly allocation?: unknown };
}

export function checkAllocation({ spec, status }: Block): Fault[] {
  if (status?.allocation === undefined) return [];
  const path = "status.allocation";
  const faults = validate(allocation, status.allocation, path);
  if (faults.length > 0) return faults;
  const { cidr, held, rested } = status.allocation as Record<"held" | "rested", object> &
    Block["spec"];
  if (cidr !== spec.cidr) return [fault(`${path}.cidr`, `must be the block's: ${spec.cidr}`)];
  const block = parsePrefix(spec.cidr);
  return Object.entries({ held, rested }).flatMap(([name, addresses]) =>
    Object.keys(addresses)
      .filter((address) => !isIp(address) || !containsIp(block, parseIp(address)))
      .map((address) => fault(`${path}.${name}[${address}]`, `is no address of ${spec.cidr}`)),
  );
}

const fault = (path: string, message: string): Fault => ({
  path,
  reason: "FieldValueInvalid",
  message,
});

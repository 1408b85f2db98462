/** Parts that several kinds have. */
import { integer, keyedList, list, map, object, text } from "../schema.ts";
import { selectorFaults } from "../selectors.ts";

/** Kubernetes' label selector. An empty one selects everything, an absent one nothing. */
export const selector = (description: string) =>
  object(
    description,
    {
      matchLabels: map("Labels that must have exactly these values.", text("The label's value.")),
      matchExpressions: list(
        "Further requirements, all of which must hold.",
        object("One requirement.", {
          key: text("The label's key.", { required: true }),
          operator: text("How the label relates to the values.", {
            enum: ["In", "NotIn", "Exists", "DoesNotExist"],
            required: true,
          }),
          values: list("Values; none with Exists and DoesNotExist.", text("A value.")),
        }),
      ),
    },
    { check: selectorFaults },
  );

/** Who calls: text without control characters, white space only within. */
export const userPattern = "[^\\s\\p{C}]([^\\p{C}]*[^\\s\\p{C}])?";

/** Addresses from the first to the last, both included. */
export const ranges = (description: string) =>
  list(
    description,
    object("Addresses from start to end, both included.", {
      start: text("The first address.", { format: "ip", required: true }),
      end: text("The last address.", { format: "ip", required: true }),
    }),
  );

export const conditions = keyedList(
  "How the object fares, a condition an aspect.",
  ["type"],
  object("One aspect.", {
    type: text("The aspect, one word in CamelCase.", { required: true }),
    status: text("Whether it holds.", { enum: ["True", "False", "Unknown"], required: true }),
    reason: text("Why, one word in CamelCase for programs.", { required: true }),
    message: text("Why, for people.", { maxLength: 32_768, required: true }),
    lastTransitionTime: text("When the status last changed.", {
      format: "date-time",
      required: true,
    }),
    observedGeneration: integer("The generation of the spec that this tells of.", {
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
    }),
  }),
);

interface WithConditions {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** The status of a condition: `True`, `False`, `Unknown`; undefined where nobody told yet. */
export function conditionStatus({ status }: WithConditions, type: string): string | undefined {
  return status?.conditions?.find((condition) => condition.type === type)?.status;
}

/** What links are named that Netloom makes, whichever its instance; and the loopback. */
const ownLink = /^(nl[bsv]-.*|nl[0-9a-f]{11}|n[0-9a-f]{14}|bwp[0-9a-f]{12}|lo)$/;

export const isOwnLink = (name: string): boolean => ownLink.test(name);

/**
 * Label selectors: those of objects, and the text of queries (`a=b,c!=d,e in (x,y),f,!g`).
 * Source: Kubernetes' documentation, "Labels and Selectors".
 */
import { isObject, own } from "./json.ts";
import { wrongKey, wrongLabelValue } from "./label-syntax.ts";
import type { Fault } from "./object.ts";
import { badRequest } from "./status-error.ts";

export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: Requirement["operator"];
    readonly values?: readonly string[];
  }[];
}

export type Labels = Readonly<Record<string, string>>;

/** What a label must be like. All requirements of a selector must hold. */
export interface Requirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values: readonly string[];
}

/** Whether all requirements hold. A label that is absent is in no set. */
export function matchesLabels(requirements: readonly Requirement[], labels: Labels = {}): boolean {
  return requirements.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    const isIn = value !== undefined && values.includes(value);
    return {
      In: isIn,
      NotIn: !isIn,
      Exists: value !== undefined,
      DoesNotExist: value === undefined,
    }[operator];
  });
}

/** What an object's selector requires: nothing, where it is empty. */
export function requirementsOf({ matchLabels, matchExpressions }: LabelSelector): Requirement[] {
  return [
    ...Object.entries(matchLabels ?? {}).map(
      ([key, value]): Requirement => ({ key, operator: "In", values: [value] }),
    ),
    ...(matchExpressions ?? []).map((each) => ({ ...each, values: each.values ?? [] })),
  ];
}

/** Whether an object's selector selects these labels. An absent one selects nothing. */
export function selects(selector: LabelSelector | undefined, labels?: Labels): boolean {
  return selector !== undefined && matchesLabels(requirementsOf(selector), labels);
}

/** What the schema of a selector can't say. `value` satisfies the schema. */
export function selectorFaults(value: unknown, path: string): Fault[] {
  const faults: Fault[] = [];
  const invalid = (at: string, message: string | undefined) => {
    if (message !== undefined) faults.push({ path: at, reason: "FieldValueInvalid", message });
  };
  const { matchLabels, matchExpressions } = value as LabelSelector;
  for (const [key, text] of Object.entries(matchLabels ?? {})) {
    const wrong = wrongKey(key);
    invalid(`${path}.matchLabels`, wrong && `key ${JSON.stringify(key)}: ${wrong}`);
    invalid(`${path}.matchLabels[${key}]`, wrongLabelValue(text));
  }
  for (const [i, { key, operator, values = [] }] of (matchExpressions ?? []).entries()) {
    const at = `${path}.matchExpressions[${i}]`;
    invalid(`${at}.key`, wrongKey(key));
    for (const [j, each] of values.entries()) invalid(`${at}.values[${j}]`, wrongLabelValue(each));
    const wantsValues = operator === "In" || operator === "NotIn";
    if (wantsValues && values.length === 0) {
      const message = 'must be specified when `operator` is "In" or "NotIn"';
      faults.push({ path: `${at}.values`, reason: "FieldValueRequired", message });
    } else if (!wantsValues && values.length > 0) {
      const message = 'may not be specified when `operator` is "Exists" or "DoesNotExist"';
      faults.push({ path: `${at}.values`, reason: "FieldValueForbidden", message });
    }
  }
  return faults;
}

/** One requirement of a query, by its form. */
const forms: readonly [RegExp, (key: string, rest: string) => Requirement][] = [
  [/^!\s*([^\s=!()]+)$/, (key) => ({ key, operator: "DoesNotExist", values: [] })],
  [/^([^\s=!()]+)$/, (key) => ({ key, operator: "Exists", values: [] })],
  [
    /^([^\s=!()]+)\s*==?\s*([^\s=!()]*)$/,
    (key, value) => ({ key, operator: "In", values: [value] }),
  ],
  [
    /^([^\s=!()]+)\s*!=\s*([^\s=!()]*)$/,
    (key, value) => ({ key, operator: "NotIn", values: [value] }),
  ],
  [
    /^([^\s=!()]+)\s+in\s*\(([^()]*)\)$/,
    (key, set) => ({ key, operator: "In", values: items(set) }),
  ],
  [
    /^([^\s=!()]+)\s+notin\s*\(([^()]*)\)$/,
    (key, set) => ({ key, operator: "NotIn", values: items(set) }),
  ],
];

const items = (set: string) => set.split(",").map((item) => item.trim());

/** Reads a query's `labelSelector`; the empty one requires nothing. Throws BadRequest. */
export function parseLabelSelector(text: string): Requirement[] {
  if (text.trim() === "") return [];
  const cannot = (why: string) => badRequest(`unable to parse requirement: ${why}`);
  // Commas between parentheses are a set's own.
  return text.split(/,(?![^(]*\))/).map((part) => {
    for (const [form, requirement] of forms) {
      const match = form.exec(part.trim());
      if (!match) continue;
      const parsed = requirement(match[1]!, match[2] ?? "");
      const wrong = wrongKey(parsed.key);
      if (wrong !== undefined)
        throw cannot(`key: Invalid value: ${JSON.stringify(parsed.key)}: ${wrong}`);
      for (const value of parsed.values) {
        const fault = wrongLabelValue(value);
        if (fault !== undefined) {
          throw cannot(`values[${parsed.key}]: Invalid value: ${JSON.stringify(value)}: ${fault}`);
        }
      }
      return parsed;
    }
    throw cannot(`${JSON.stringify(part.trim())} is none: write a=b, a!=b, a in (b,c), a or !a`);
  });
}

/** The labels of any object; none where it has none. */
export function labelsOf(object: unknown): Labels {
  const labels = own(own(object, "metadata"), "labels");
  return isObject(labels) ? (labels as Labels) : {};
}

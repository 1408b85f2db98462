/** Label selectors, with Kubernetes' meaning. */

export type Labels = Readonly<Record<string, string>>;

/** All of it must hold; an empty one selects everything. */
export interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly SelectorTerm[];
}

export interface SelectorTerm {
  readonly key: string;
  readonly operator: SelectorOperator;
  /** At least one for `In` and `NotIn`, none for the others. */
  readonly values?: readonly string[];
}

export type SelectorOperator = keyof typeof operators;

/** `value` is undefined where there is no such label. */
type Operator = (value: string | undefined, values: readonly string[]) => boolean;

/** As in Kubernetes, `NotIn` also selects what has no such label. */
const operators = {
  In: (value, values) => value !== undefined && values.includes(value),
  NotIn: (value, values) => value === undefined || !values.includes(value),
  Exists: (value) => value !== undefined,
  DoesNotExist: (value) => value === undefined,
} as const satisfies Record<string, Operator>;

/** The operators' names, for validation. */
export const selectorOperators = Object.keys(operators) as SelectorOperator[];

/** Whether the labels are selected. */
export function selects({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  const labelled = (key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  return (
    Object.entries(matchLabels ?? {}).every(([key, value]) => labelled(key) === value) &&
    (matchExpressions ?? []).every(({ key, operator, values }) =>
      operators[operator](labelled(key), values ?? []),
    )
  );
}

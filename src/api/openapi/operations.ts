/** What can be done with objects: a path an entry, an operation a method. */
import { hasStatus } from "../discovery.ts";
import { apiVersionOf, type Kind } from "../kind.ts";
import {
  answers,
  type Content,
  events,
  inPath,
  jsonOf,
  type Operation,
  type PathItem,
  type Paths,
  query,
} from "./operation.ts";
import { componentName, componentNames, groupVersionKind, reference } from "./schemas.ts";

type AnyKind = Kind<any, any>;

const selection = [
  query("labelSelector", "string", "Only objects with such labels."),
  query("fieldSelector", "string", "Only objects with such fields."),
];
const watching = [
  query("allowWatchBookmarks", "boolean", "Watch: BOOKMARK events tell how far it got."),
  query("resourceVersion", "string", "From when, or how old the answer may be."),
  query("timeoutSeconds", "integer", "How long a watch may last."),
  query("watch", "boolean", "Changes as they come, in place of a list."),
];
const listing = [
  ...selection,
  ...watching,
  query("continue", "string", "The next part of a list that had a limit."),
  query("limit", "integer", "At most so many objects."),
  query("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."),
  query("sendInitialEvents", "boolean", "Watch: first all that there is, then a BOOKMARK."),
];
const dryRun = query("dryRun", "string", "All: answers as if, and changes nothing.");
const writing = [
  dryRun,
  query("fieldManager", "string", "Who writes, for managedFields."),
  query("fieldValidation", "string", "What becomes of unknown fields: Ignore, Warn or Strict."),
];
const force = query("force", "boolean", "Apply: takes fields that others own.");
const deleting = [
  dryRun,
  query("gracePeriodSeconds", "integer", "Taken as said: no object of ours takes a time to go."),
  query("propagationPolicy", "string", "What becomes of what stands on it."),
];

/** The object, as JSON or as YAML. */
const bodyOf = (kind: AnyKind) => {
  const schema = reference(componentName(kind));
  const content = { "application/json": { schema }, "application/yaml": { schema } };
  return { required: true, content };
};

const deleteOptions = { content: jsonOf(reference(componentNames.deleteOptions)) };

/** kubectl has Namespaces compiled in and sends strategic merge patches, whatever is told here. */
const patchBodyOf = ({ group }: AnyKind) => {
  const merge = { schema: reference(componentNames.patch) };
  const content: Content = {
    "application/apply-patch+yaml": merge,
    "application/json-patch+json": { schema: reference(componentNames.jsonPatch) },
    "application/merge-patch+json": merge,
    ...(group === "" && { "application/strategic-merge-patch+json": merge }),
  };
  return { required: true, content };
};

/** Bodies of PATCH that the kind takes. */
export const patchTypesOf = (kind: AnyKind): readonly string[] =>
  Object.keys(patchBodyOf(kind).content);

/** `NetloomDevV1alpha1NamespacedNetwork`. */
function nounOf({ group, version, namespaced, kind }: AnyKind): string {
  const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1);
  const groupWords = group === "" ? "Core" : group.split(".").map(capital).join("");
  return `${groupWords}${capital(version)}${namespaced ? "Namespaced" : ""}${kind}`;
}

/** Below the root: `/api/v1`, `/apis/netloom.dev/v1alpha1`. */
export const rootOf = (kind: Pick<Kind, "group" | "version">) =>
  `${kind.group === "" ? "/api" : "/apis"}/${apiVersionOf(kind)}`;

/** Those of one group and version have one. */
export const tagOf = ({ group, version }: Pick<Kind, "group" | "version">): string =>
  group === "" ? "core_v1" : `${group.replaceAll(".", "")}_${version}`;

/** The paths of a kind. */
export function pathsOf(kind: AnyKind): Paths {
  const root = rootOf(kind);
  const collection = kind.namespaced
    ? `${root}/namespaces/{namespace}/${kind.plural}`
    : `${root}/${kind.plural}`;
  const namespace = kind.namespaced ? [inPath("namespace", "Where the object is.")] : [];
  const named = [...namespace, inPath("name", "The object's name.")];
  const item = `${collection}/{name}`;
  const everywhere = listOperation(
    kind,
    `list${nounOf(kind).replace("Namespaced", "")}ForAllNamespaces`,
  );
  return {
    [collection]: { ...collectionOperations(kind), parameters: namespace },
    [item]: { ...itemOperations(kind), parameters: named },
    ...(hasStatus(kind) && {
      [`${item}/status`]: { ...changeOperations(kind, "Status"), parameters: named },
    }),
    ...(kind.kind === "Host" && { [`${item}/nodespec`]: nodeSpec(kind, named) }),
    ...(kind.namespaced && { [`${root}/${kind.plural}`]: { get: everywhere, parameters: [] } }),
  };
}

const about = (kind: AnyKind, action: string) => ({
  tags: [tagOf(kind)],
  "x-kubernetes-action": action,
  "x-kubernetes-group-version-kind": groupVersionKind(kind),
});

const objectAnswers = (kind: AnyKind, codes?: readonly string[]) =>
  answers(jsonOf(reference(componentName(kind))), codes);

const listOf = (kind: AnyKind) => jsonOf(reference(`${componentName(kind)}List`));

const listOperation = (kind: AnyKind, operationId: string): Operation => ({
  operationId,
  description: `list or watch objects of kind ${kind.kind}`,
  parameters: listing,
  responses: answers({ ...listOf(kind), ...events }),
  ...about(kind, "list"),
});

/** It is only watched. */
function nodeSpec(kind: AnyKind, parameters: readonly object[]): PathItem {
  const get: Operation = {
    operationId: `watch${nounOf(kind)}NodeSpec`,
    description: "watch what an agent must know to serve its host, objects of several kinds",
    parameters: watching,
    responses: answers(events),
    ...about(kind, "watch"),
  };
  return { get, parameters };
}

function collectionOperations(kind: AnyKind): Readonly<Record<string, Operation>> {
  const noun = nounOf(kind);
  const get = listOperation(kind, `list${noun}`);
  if (kind.managed) return { get };
  return {
    get,
    post: {
      operationId: `create${noun}`,
      description: `create an object of kind ${kind.kind}`,
      parameters: writing,
      requestBody: bodyOf(kind),
      responses: objectAnswers(kind, ["201"]),
      ...about(kind, "post"),
    },
    delete: {
      operationId: `deleteCollection${noun}`,
      description: `delete objects of kind ${kind.kind}`,
      parameters: [...selection, ...deleting],
      requestBody: deleteOptions,
      responses: answers(listOf(kind)),
      ...about(kind, "deletecollection"),
    },
  };
}

function itemOperations(kind: AnyKind): Readonly<Record<string, Operation>> {
  const { get, ...changes } = changeOperations(kind, "");
  if (kind.managed) return { get: get! };
  // The object where something must still be cleaned up, else a Status.
  const schema = {
    anyOf: [reference(componentNames.status), reference(componentName(kind))],
  };
  return {
    get: get!,
    ...changes,
    delete: {
      operationId: `delete${nounOf(kind)}`,
      description: `delete the object of kind ${kind.kind}`,
      parameters: deleting,
      requestBody: deleteOptions,
      responses: answers(jsonOf(schema)),
      ...about(kind, "delete"),
    },
  };
}

/** Of the object, or of its status. */
function changeOperations(kind: AnyKind, part: "" | "Status"): Readonly<Record<string, Operation>> {
  const noun = `${nounOf(kind)}${part}`;
  const of = part === "" ? `the object of kind ${kind.kind}` : `the status of a ${kind.kind}`;
  return {
    get: {
      operationId: `read${noun}`,
      description: `read ${of}`,
      parameters: [],
      responses: objectAnswers(kind),
      ...about(kind, "get"),
    },
    put: {
      operationId: `replace${noun}`,
      description: `replace ${of}`,
      parameters: writing,
      requestBody: bodyOf(kind),
      responses: objectAnswers(kind),
      ...about(kind, "put"),
    },
    patch: {
      operationId: `patch${noun}`,
      description: `change a part of ${of}`,
      parameters: [...writing, force],
      requestBody: patchBodyOf(kind),
      // Applied, an object is made where there is none.
      responses: objectAnswers(kind, part === "" ? ["200", "201"] : ["200"]),
      ...about(kind, "patch"),
    },
  };
}

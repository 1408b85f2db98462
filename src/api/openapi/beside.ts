/** What can be called beside objects: health, version, discovery, documents, reviews. */
import { aggregatedType, apiGroupList } from "../discovery.ts";
import { apiVersionOf } from "../kind.ts";
import { reviews } from "../reviews.ts";
import { besideNames, reviewName } from "./beside-schemas.ts";
import { answers, type Content, inPath, jsonOf, type Operation, type Paths } from "./operation.ts";
import { rootOf, tagOf } from "./operations.ts";
import { reference } from "./schemas.ts";

const text: Content = { "text/plain": { schema: { type: "string" } } };
const ofSchema = (name: keyof typeof besideNames) => jsonOf(reference(besideNames[name]));

/** Kubernetes' two forms of discovery. */
const discovery = (plain: Content): Content => ({
  ...plain,
  [aggregatedType("v2")]: { schema: reference(besideNames.aggregated) },
  [aggregatedType("v2beta1")]: { schema: reference(besideNames.aggregated) },
});

const reading = (
  operationId: string,
  description: string,
  content: Content,
  tag = "server",
): Operation => ({
  operationId,
  description,
  tags: [tag],
  parameters: [],
  responses: answers(content),
});

const get = (operation: Operation, parameters: readonly object[] = []) => ({
  get: operation,
  parameters,
});

const named = inPath("document", "Of the index, slashes and all: apis/netloom.dev/v1alpha1.");

/** By path, each of which is a document of its own. */
export const serverPaths: Paths = {
  "/healthz": get(reading("isHealthy", "whether the server runs", text)),
  "/livez": get(reading("isAlive", "whether the server runs", text)),
  "/readyz": get(reading("isReady", "whether the server and its store answer", text)),
  "/version": get(reading("readVersion", "what the server can do", ofSchema("version"))),
  "/api": get(
    reading("listCoreVersions", "list versions of the core group", discovery(ofSchema("versions"))),
  ),
  "/apis": get(reading("listGroups", "list other groups", discovery(ofSchema("groupList")))),
  ...Object.fromEntries(
    apiGroupList().groups.map(({ name }) => [
      `/apis/${name}`,
      get(reading(`readGroup_${name}`, `list versions of ${name}`, ofSchema("group"))),
    ]),
  ),
  "/openapi/v3": get(reading("listDocuments", "list documents", ofSchema("index"))),
  "/openapi/v3/{document}": get(
    reading("readDocument", "a document of OpenAPI v3", ofSchema("document")),
    [named],
  ),
};

/** Which kinds there are: of a group and version, as `rootOf` has it. */
export function resourcesPath(of: { readonly group: string; readonly version: string }): Paths {
  const tag = tagOf(of);
  const what = `list kinds of ${apiVersionOf(of)}`;
  return { [rootOf(of)]: get(reading(`listKinds_${tag}`, what, ofSchema("resources"), tag)) };
}

/** What callers ask of themselves. */
export const reviewPaths = (root: string): Paths =>
  Object.fromEntries(
    reviews
      .filter((review) => rootOf(review) === root)
      .map((review) => {
        const content = jsonOf(reference(reviewName(review)));
        const post: Operation = {
          operationId: `create${review.kind}`,
          description: `ask by a ${review.kind}, which is kept nowhere`,
          tags: [tagOf(review)],
          parameters: [],
          requestBody: { required: true, content },
          responses: answers(content, ["201"]),
          "x-kubernetes-action": "post",
        };
        return [`${root}/${review.plural}`, { post, parameters: [] }];
      }),
  );

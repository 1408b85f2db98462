/** Kubernetes' reviews by which clients ask who they are and what they may do. */
import { isObject, own } from "../../api/json.ts";
import { badRequest } from "../../api/status-error.ts";
import { json } from "./answers.ts";
import { createTypes, readBody } from "./body.ts";
import type { Call, Service } from "./context.ts";

type Review = (service: Service, call: Call, spec: unknown) => Promise<unknown>;

interface ReviewKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly answer: Review;
}

/** By path. */
export const reviews: Readonly<Record<string, ReviewKind>> = {
  "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    answer: mayI,
  },
  "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews": {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectRulesReview",
    answer: whatMayI,
  },
  "/apis/authentication.k8s.io/v1/selfsubjectreviews": {
    apiVersion: "authentication.k8s.io/v1",
    kind: "SelfSubjectReview",
    answer: async (_, { identity }) => ({
      userInfo: { username: identity.user, groups: identity.groups },
    }),
  },
};

export async function review(service: Service, call: Call, of: ReviewKind): Promise<Response> {
  const { value } = await readBody(call.request, createTypes);
  if (own(value, "kind") !== of.kind || own(value, "apiVersion") !== of.apiVersion) {
    throw badRequest(`the body of the request is no ${of.kind} of ${of.apiVersion}`);
  }
  const spec = own(value, "spec");
  const status = await of.answer(service, call, spec);
  const { kind, apiVersion } = of;
  const asked = isObject(spec) ? { spec } : {};
  return json({ kind, apiVersion, metadata: {}, ...asked, status }, { code: 201 });
}

async function mayI({ access }: Service, { identity }: Call, spec: unknown) {
  const resource = own(spec, "resourceAttributes");
  const other = own(spec, "nonResourceAttributes");
  const asked = isObject(resource) ? resource : other;
  if (!isObject(asked))
    throw badRequest("spec must have resourceAttributes or nonResourceAttributes");
  const textOf = (name: string) => String(asked[name] ?? "");
  const { allowed, reason } = await access.authorize(identity, {
    verb: textOf("verb"),
    group: textOf("group"),
    resource: textOf("resource"),
    ...(asked.subresource ? { subresource: textOf("subresource") } : {}),
    ...(asked.namespace ? { namespace: textOf("namespace") } : {}),
    ...(asked.name ? { name: textOf("name") } : {}),
    ...(isObject(resource) ? {} : { path: textOf("path") }),
  });
  return { allowed, ...(!allowed && { denied: false }), ...(reason && { reason }) };
}

const allVerbs = [
  ...["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
];

/** Each verb of each kind, asked one by one: who decides need not know of lists of rules. */
async function whatMayI({ access, kinds }: Service, { identity }: Call, spec: unknown) {
  const namespace = String(own(spec, "namespace") ?? "default");
  const resourceRules = [];
  for (const { group, plural, namespaced } of kinds) {
    for (const resource of [plural, `${plural}/status`]) {
      const subresource = resource === plural ? {} : { subresource: "status" };
      const asked = { group, resource: plural, ...subresource, ...(namespaced && { namespace }) };
      const decisions = await Promise.all(
        allVerbs.map(
          async (verb) => (await access.authorize(identity, { verb, ...asked })).allowed,
        ),
      );
      const verbs = allVerbs.filter((_, i) => decisions[i]);
      if (verbs.length > 0)
        resourceRules.push({ verbs, apiGroups: [group], resources: [resource] });
    }
  }
  const nonResourceURLs = ["/api", "/api/*", "/apis", "/apis/*", "/version", "/openapi/*"];
  const nonResourceRules = [{ verbs: ["get"], nonResourceURLs }];
  return { resourceRules, nonResourceRules, incomplete: false };
}

/** Schemas of what can be called beside objects, in Kubernetes' words. */
import type { Review } from "../reviews.ts";
import type { Schemas } from "./operation.ts";
import { componentNames, objectOf, reference, text } from "./schemas.ts";

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

export const besideNames = {
  version: "io.k8s.apimachinery.pkg.version.Info",
  versions: `${meta}.APIVersions`,
  group: `${meta}.APIGroup`,
  groupList: `${meta}.APIGroupList`,
  resources: `${meta}.APIResourceList`,
  aggregated: "io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList",
  index: "dev.netloom.OpenApiIndex",
  document: "dev.netloom.OpenApiDocument",
} as const;

/** `io.k8s.api.authorization.v1.SelfSubjectAccessReview`. */
export const reviewName = ({ group, version, kind }: Review): string =>
  `io.k8s.api.${group.split(".")[0]}.${version}.${kind}`;

const list = (items: object, description: string) => ({ type: "array", items, description });
const texts = (description: string) => list({ type: "string" }, description);
const flag = (description: string) => ({ type: "boolean", description });
const open = (description: string) => ({ type: "object", description });

const typed = (description: string, properties: object) =>
  objectOf(description, {
    apiVersion: text("Group and version of the schema."),
    kind: text("What it is."),
    ...properties,
  });

const groupVersion = objectOf("A version of a group.", {
  groupVersion: text("As objects name it in apiVersion."),
  version: text("Without the group."),
});

const groupFields = {
  name: text("The group."),
  versions: list(groupVersion, "Its versions."),
  preferredVersion: groupVersion,
};

const resource = objectOf("A kind.", {
  name: text("Its plural, in paths; with a subresource, both."),
  singularName: text("Its singular."),
  namespaced: flag("Whether objects are in namespaces."),
  kind: text("Of its objects."),
  verbs: texts("What can be done with them."),
  shortNames: texts("For people."),
  categories: texts("Words for several kinds."),
});

/** Of all that `serverPaths` and `resourcesPath` name. */
export const besideSchemas: Schemas = {
  [besideNames.version]: objectOf("What the server can do.", {
    major: text("As Kubernetes counts."),
    minor: text("As Kubernetes counts."),
    gitVersion: text("With Netloom's own version behind the plus sign."),
    platform: text("What it runs on."),
  }),
  [besideNames.versions]: typed("Versions of the core group.", {
    versions: texts("The versions."),
    serverAddressByClientCIDRs: list(
      objectOf("Where it is.", {
        clientCIDR: text("For whom."),
        serverAddress: text("The address."),
      }),
      "Where clients find it.",
    ),
  }),
  [besideNames.group]: typed("A group.", groupFields),
  [besideNames.groupList]: typed("All groups.", {
    groups: list(objectOf("A group.", groupFields), "The groups."),
  }),
  [besideNames.resources]: typed("Kinds of a group and version.", {
    groupVersion: text("Group and version."),
    resources: list(resource, "The kinds."),
  }),
  [besideNames.aggregated]: typed("All kinds of all groups in one document.", {
    metadata: reference(componentNames.listMeta),
    items: list(open("A group with its versions and kinds."), "The groups."),
  }),
  [besideNames.index]: objectOf("Which documents there are.", {
    paths: {
      type: "object",
      description: "By the document's name.",
      additionalProperties: objectOf("A document.", {
        serverRelativeURL: text("Where it is; another whenever it changes."),
      }),
    },
  }),
  [besideNames.document]: objectOf("OpenAPI v3.", {
    openapi: text("3.0.0."),
    info: open("What it is about."),
    paths: open("What can be called."),
    components: open("Schemas."),
  }),
};

const rule = objectOf("What one may do.", {
  verbs: texts("What."),
  apiGroups: texts("With kinds of these groups."),
  resources: texts("With these kinds."),
  nonResourceURLs: texts("With these paths."),
});

/** Kind of review → its spec and status. */
const reviewFields: Readonly<Record<string, object>> = {
  SelfSubjectAccessReview: {
    spec: objectOf("May I?", {
      resourceAttributes: objectOf("With objects.", {
        verb: text("What."),
        group: text("Of the kind."),
        version: text("Of the kind."),
        resource: text("The kind's plural."),
        subresource: text("A part of the object."),
        namespace: text("Where."),
        name: text("Which."),
      }),
      nonResourceAttributes: objectOf("With a path.", {
        path: text("Which."),
        verb: text("What."),
      }),
    }),
    status: objectOf("The answer.", {
      allowed: flag("Yes."),
      denied: flag("No, whoever else allows it."),
      reason: text("Why."),
    }),
  },
  SelfSubjectRulesReview: {
    spec: objectOf("What may I?", { namespace: text("Where.") }),
    status: objectOf("The answer.", {
      resourceRules: list(rule, "With objects."),
      nonResourceRules: list(rule, "With paths."),
      incomplete: flag("There may be more."),
    }),
  },
  SelfSubjectReview: {
    spec: objectOf("Nothing to say.", {}),
    status: objectOf("Who asks.", {
      userInfo: objectOf("The user.", {
        username: text("The name."),
        groups: texts("The groups."),
      }),
    }),
  },
};

export const reviewSchema = (review: Review): Schemas => ({
  [reviewName(review)]: typed(`A ${review.kind}.`, {
    metadata: open("Empty: it is kept nowhere."),
    ...reviewFields[review.kind],
  }),
});

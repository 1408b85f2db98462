/** The documents of OpenAPI v3, one a group and version or a path beside them, and their index. */
import { kinds } from "../kinds/index.ts";
import { reviews } from "../reviews.ts";
import { resourcesPath, reviewPaths, serverPaths } from "./beside.ts";
import { besideSchemas, reviewSchema } from "./beside-schemas.ts";
import type { Paths, Schemas } from "./operation.ts";
import { pathsOf, rootOf } from "./operations.ts";
import { kindSchemas, sharedSchemas } from "./schemas.ts";

export interface OpenApiDocument {
  readonly openapi: "3.0.0";
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Paths;
  readonly components: { readonly schemas: Schemas };
}

const merged = <V>(parts: readonly Readonly<Record<string, V>>[]): Readonly<Record<string, V>> =>
  Object.assign({}, ...parts);

/** What has an API's root of its own. */
const versioned = [...kinds, ...reviews];
const roots = [...new Set(versioned.map(rootOf))];

/** `/apis/netloom.dev/v1alpha1`, `/version`. Undefined: none. */
export function openApiDocument(root: string): OpenApiDocument | undefined {
  const version = versioned.find((each) => rootOf(each) === root);
  if (version) return ofVersion(root, version);
  const own = Object.entries(serverPaths).filter(([path]) => documentOf(path) === root);
  if (own.length === 0) return undefined;
  return document("v1", Object.fromEntries(own), besideSchemas);
}

/** What a path's `{document}` leads to is told of beside the index. */
const documentOf = (path: string) => path.replace(/\/\{document\}$/, "");

function ofVersion(root: string, of: (typeof versioned)[number]): OpenApiDocument {
  const meant = kinds.filter((kind) => rootOf(kind) === root);
  const asked = reviews.filter((review) => rootOf(review) === root);
  const paths = merged([resourcesPath(of), ...meant.map(pathsOf), reviewPaths(root)]);
  const schemas = merged([...meant.map(kindSchemas), ...asked.map(reviewSchema), besideSchemas]);
  return document(of.version, paths, schemas);
}

const document = (version: string, paths: Paths, schemas: Schemas): OpenApiDocument => ({
  openapi: "3.0.0",
  info: { title: "Netloom", version },
  paths,
  components: { schemas: { ...sharedSchemas(), ...schemas } },
});

/** `GET /openapi/v3`: which documents there are. Its hashes tell clients whether theirs are new. */
export function openApiIndex(): object {
  const all = [...roots, ...new Set(Object.keys(serverPaths).map(documentOf))];
  return {
    paths: Object.fromEntries(
      all.map((root) => {
        const hash = hashOf(JSON.stringify(openApiDocument(root)));
        return [root.slice(1), { serverRelativeURL: `/openapi/v3${root}?hash=${hash}` }];
      }),
    ),
  };
}

/** FNV-1a, 64 bits, in hex: enough to tell versions of one document apart. */
function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}

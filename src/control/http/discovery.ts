/** Documents about the API: which kinds there are, and what they look like. */
import {
  aggregatedDiscovery,
  aggregatedType,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from "../../api/discovery.ts";
import { openApiDocument, openApiIndex } from "../../api/openapi/document.ts";
import { noSuchResource } from "../../api/status-error.ts";
import { json } from "./answers.ts";

/** The document at a path; undefined: there is none. Throws ApiError (NotFound). */
export function documentAt(path: string, request: Request): Response | undefined {
  if (path === "/api" || path === "/apis") {
    const version = aggregatedVersion(request);
    if (!version) return json(path === "/api" ? apiVersions("") : apiGroupList());
    const answer = json(aggregatedDiscovery(path === "/api" ? "core" : "groups", version));
    answer.headers.set("content-type", aggregatedType(version));
    return answer;
  }
  if (path === "/openapi/v3") return json(openApiIndex());
  if (path.startsWith("/openapi/v3/")) {
    return found(openApiDocument(path.slice("/openapi/v3".length)));
  }
  if (path === "/api/v1") return found(apiResourceList("", "v1"));
  const [, group, version] = /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (group === undefined) return undefined;
  return found(version === undefined ? apiGroup(group) : apiResourceList(group, version));
}

function found(document: object | undefined): Response {
  if (!document) throw noSuchResource();
  return json(document);
}

/** kubectl asks for the whole in one document where a server has that. */
function aggregatedVersion(request: Request): "v2" | "v2beta1" | undefined {
  for (const part of (request.headers.get("accept") ?? "").split(",")) {
    const parameters = part.split(";").map((each) => each.trim());
    if (!parameters.includes("as=APIGroupDiscoveryList")) continue;
    const version = (["v2", "v2beta1"] as const).find((each) => parameters.includes(`v=${each}`));
    if (version) return version;
  }
  return undefined;
}

/** What is made so that others can call: a host's credential, and a kubeconfig for kubectl. */
import { grantKind } from "./kinds/grant.ts";
import { tokenKind } from "./kinds/token.ts";
import { groupVersion, type NewObject } from "./object.ts";

/** Of a host's agent. No person's: no client certificate of people is named so. */
export const hostUser = (host: string): string => `system:host:${host}`;

/** The objects to create for an agent: the token's creation answers with its secret. */
export function hostCredential(host: string): { grant: NewObject; token: NewObject } {
  // As long as names may be: there is no room for more words in it.
  const metadata = { name: host };
  const user = hostUser(host);
  const apiVersion = groupVersion;
  return {
    grant: { apiVersion, kind: grantKind.kind, metadata, spec: { user, role: "host", host } },
    token: { apiVersion, kind: tokenKind.kind, metadata, spec: { user, role: "host" } },
  };
}

export interface KubeconfigParts {
  /** `https://host:7440`. */
  readonly server: string;
  /** The authority's certificate, in PEM, as base64. */
  readonly caBase64: string;
  readonly token: string;
  readonly namespace?: string;
}

/** A file for kubectl, which reads JSON as well as YAML. */
export function kubeconfig({ server, caBase64, token, namespace }: KubeconfigParts): object {
  const name = "netloom";
  const cluster = { server, "certificate-authority-data": caBase64 };
  const context = { cluster: name, user: name, ...(namespace !== undefined && { namespace }) };
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context }],
  };
}

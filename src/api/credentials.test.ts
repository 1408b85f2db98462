/** A host's credential is made of valid objects. */
import { expect, test } from "bun:test";
import { hostCredential, kubeconfig } from "./credentials.ts";
import { findKind } from "./kinds/index.ts";
import { objectFaults } from "./metadata.ts";
import type { ApiObject } from "./object.ts";

test("a host's grant and token are valid, of one user, and of its host alone", () => {
  const host = "n".repeat(63);
  const { grant, token } = hostCredential(host);
  for (const object of [grant, token]) {
    const kind = findKind(object.apiVersion, object.kind)!;
    expect(objectFaults(kind, object as ApiObject)).toEqual([]);
  }
  expect(grant.spec).toEqual({ user: `system:host:${host}`, role: "host", host });
  expect(token.spec).toEqual({ user: `system:host:${host}`, role: "host" });
});

test("a kubeconfig names one server, its authority and the token", () => {
  const parts = { server: "https://a:7440", caBase64: "AA==", token: "nlt_x" };
  const file = kubeconfig(parts) as any;
  const context = file.contexts.find(({ name }: any) => name === file["current-context"]);
  expect(file.clusters).toEqual([
    {
      name: context.context.cluster,
      cluster: { server: "https://a:7440", "certificate-authority-data": "AA==" },
    },
  ]);
  expect(file.users).toEqual([{ name: context.context.user, user: { token: "nlt_x" } }]);
});

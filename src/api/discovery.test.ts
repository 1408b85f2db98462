/** Discovery: both forms tell of the same kinds. */
import { expect, test } from "bun:test";
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from "./discovery.ts";
import { kinds } from "./kinds/index.ts";

test("the groups are ours and those of reviews, each with its version", () => {
  const { groups } = apiGroupList();
  expect(groups.map(({ name }) => name)).toEqual([
    "netloom.dev",
    "authorization.k8s.io",
    "authentication.k8s.io",
  ]);
  expect(apiGroup("netloom.dev")).toMatchObject({
    kind: "APIGroup",
    preferredVersion: { groupVersion: "netloom.dev/v1alpha1", version: "v1alpha1" },
  });
  expect(apiGroup("apps")).toBeUndefined();
  expect(apiVersions("127.0.0.1:7440").versions).toEqual(["v1"]);
});

test("a version's list has each kind with its short names and its status", () => {
  const { resources } = apiResourceList("netloom.dev", "v1alpha1") as any;
  expect(resources.find(({ name }: any) => name === "networks")).toMatchObject({
    singularName: "network",
    namespaced: true,
    kind: "Network",
    shortNames: ["net"],
  });
  const names = resources.map(({ name }: any) => name);
  expect(names).toContain("networks/status");
  expect(names).not.toContain("grants/status");
  expect(apiResourceList("netloom.dev", "v1")).toBeUndefined();
  expect(apiResourceList("", "v1")).toMatchObject({ groupVersion: "v1" });
});

test("the aggregated form tells the same", () => {
  const items = [
    ...(aggregatedDiscovery("core", "v2") as any).items,
    ...(aggregatedDiscovery("groups", "v2") as any).items,
  ];
  for (const { metadata, versions } of items) {
    const [{ version, resources }] = versions;
    const plain = (apiResourceList(metadata.name, version) as any).resources;
    expect(resources.map(({ resource }: any) => resource)).toEqual(
      plain.map(({ name }: any) => name).filter((name: string) => !name.includes("/")),
    );
  }
  const found = items.flatMap(({ versions }) => versions[0].resources);
  for (const kind of kinds) {
    expect(found).toContainEqual(
      expect.objectContaining({
        resource: kind.plural,
        scope: kind.namespaced ? "Namespaced" : "Cluster",
      }),
    );
  }
});

/** Which BGPConfiguration hosts heed is told of each. */
import { expect, test } from "bun:test";
import { type Any, reconciled, until } from "./reconcile-fixture.ts";

const { create, one } = reconciled();

const ready = ({ status }: Any) =>
  status?.conditions?.find(({ type }: { type: string }) => type === "Ready");

test("one that is not named default says that nobody heeds it, and what to do", async () => {
  for (const name of ["default", "rack"]) {
    await create("BGPConfiguration", { name }, { asNumber: 64513 });
  }
  const told = async (name: string) =>
    ready(
      await until(async () => {
        const object = await one("BGPConfiguration", name);
        return object && ready(object) && object;
      }),
    );
  expect(await told("default")).toMatchObject({ status: "True", reason: "Heeded" });
  const other = await told("rack");
  expect(other).toMatchObject({ status: "False", reason: "NotHeeded" });
  expect(other.message).toContain('named "default"');
  expect(other.message).toContain("delete this one");
}, 20_000);

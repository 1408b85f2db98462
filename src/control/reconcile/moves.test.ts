/** Ports that move by their `spec.host`: what becomes of the addresses that a host gave them. */
import { expect, test } from "bun:test";
import type { IPBlock } from "../../api/kinds/index.ts";
import { hold, openBlock } from "../../ipam/block-allocation.ts";
import { leasedBlock } from "../../ipam/block-lease.ts";
import { heedClaims } from "../../ipam/claim.ts";
import { toBlock } from "./blocks.ts";
import { manager, reconciled, until } from "./reconcile-fixture.ts";
import { kindOf } from "./reconciler.ts";

const { world, create, all, one, status, network, host } = reconciled();

const address = "10.1.0.9";
const attachment = { containerId: "c1", ifName: "eth0" };

const blocks = async () => (await all("IPBlock")) as IPBlock[];
const given = async () => (await one("Port", "web"))?.status?.addresses;

/** The host heeds the claims on its block, as its agent does; till then `owner` has the address. */
async function heed(owner?: string): Promise<void> {
  const [found] = await blocks();
  const block = toBlock(found!);
  const before = block.status.allocation ?? openBlock(leasedBlock(block), world.clockMs);
  const held = owner === undefined ? before : hold(before, address, { owner });
  const allocation = heedClaims(held, block.spec.claims, world.clockMs);
  const { name } = found!.metadata;
  await world.objects.update(
    kindOf("IPBlock"),
    { name },
    (live) => ({ ...live, status: { allocation } }),
    { manager, subresource: "status" },
  );
}

/** On the host "one", with an address of its block, and then to be on the host "two". */
async function moved(type: string): Promise<void> {
  await network({ type });
  for (const name of ["one", "two"]) await host(name);
  await status("Host", "one", { wantedBlocks: ["default/a"] });
  await until(async () => (await blocks()).length === 1);
  await status("Host", "one", { wantedBlocks: [] });
  await create("Port", { name: "web" }, { network: "blue", host: "one" });
  await status("Port", "web", {
    ...{ attachment, addresses: [{ address, subnet: "a" }] },
    bindings: [{ host: "one", epoch: 1, active: true }],
  });
  await heed("c1/eth0");
  await world.objects.update(
    kindOf("Port"),
    { namespace: "default", name: "web" },
    (live) => ({ ...live, spec: { ...(live.spec as object), host: "two" } }),
    { manager },
  );
}

const claims = async () => (await blocks()).flatMap(({ spec }) => spec.claims ?? []);
const claimMade = () => until(async () => (await claims()).length === 1);

test("its address becomes the control plane's, and is free when the port goes", async () => {
  await moved("overlay");
  await claimMade();
  expect(await claims()).toMatchObject([{ address, takesFrom: "c1/eth0" }]);
  expect(await given()).toEqual([{ address, subnet: "a" }]);
  await heed();
  await until(async () => (await given())?.[0]?.claimed);
  expect(await given()).toEqual([{ address, subnet: "a", claimed: true }]);
  const { uid } = (await one("Port", "web"))!.metadata;
  const heldNow = async () => ((await blocks())[0]?.status?.allocation as any)?.held;
  expect((await heldNow())[address]).toMatchObject({ owner: uid });
  await status("Port", "web", { bindings: [{ host: "one", epoch: 1, active: false }] });
  await world.objects.delete(kindOf("Port"), { namespace: "default", name: "web" });
  await until(async () => (await claims()).length === 0);
  await heed();
  expect(await heldNow()).toEqual({});
}, 20_000);

test("one that is another's by then goes, and the host where it is gives one", async () => {
  await moved("routed");
  await claimMade();
  await heed("c2/eth0");
  await until(async () => (await given())?.length === 0);
  await until(async () => (await claims()).length === 0);
}, 20_000);

test("of a network that spans no hosts it stays its host's", async () => {
  await moved("bridge");
  await Bun.sleep(300);
  expect(await claims()).toEqual([]);
  expect(await given()).toEqual([{ address, subnet: "a" }]);
});

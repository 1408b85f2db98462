/** What a BGPPeer tells of hosts' sessions, by what hosts tell. */
import { expect, test } from "bun:test";
import { type Any, reconciled, until } from "./reconcile-fixture.ts";

const { create, one, status, host } = reconciled();

const condition = (object: Any | undefined, type: string) =>
  object?.status?.conditions?.find((each: { type: string }) => each.type === type);
const tells = (name: string, established: boolean) =>
  status("Host", name, {
    bgp: {
      version: "3.10.0",
      peers: [{ peer: "rack", established, message: established ? "up" : "it is silent" }],
    },
  });

test("a router is ready once all hosts have a session with it", async () => {
  await create("BGPPeer", { name: "rack" }, { address: "192.0.2.1", asNumber: 65000 });
  const ready = (of: string) =>
    until(async () => {
      const peer = await one("BGPPeer", "rack");
      return condition(peer, "Ready")?.reason === of && peer;
    });
  await ready("NoHosts");
  for (const name of ["a", "b"]) await host(name);
  await tells("a", true);
  await tells("b", false);
  const some = await ready("NotEstablished");
  expect(condition(some, "Ready").message).toBe("b: it is silent");
  await tells("b", true);
  const all = await ready("Established");
  expect(all.status).toMatchObject({ hosts: 2, established: 2 });
  expect(condition(all, "BFD")).toBeUndefined();
}, 20_000);

test("BFD is told to be unsupported, with what to do", async () => {
  await host("a");
  await tells("a", true);
  await create("BGPPeer", { name: "rack" }, { address: "192.0.2.1", asNumber: 65000, bfd: true });
  const peer = await until(async () => {
    const found = await one("BGPPeer", "rack");
    return condition(found, "BFD") && found;
  });
  expect(condition(peer, "BFD")).toMatchObject({ status: "False", reason: "Unsupported" });
  expect(condition(peer, "BFD").message).toContain("from 4.6 on, and hosts have 3.10.0");
});

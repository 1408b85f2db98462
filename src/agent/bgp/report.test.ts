/** What the API is told of a host's sessions. */
import { expect, test } from "bun:test";
import type { HostBgpStatus } from "./host-bgp.ts";
import { bgpReport } from "./report.ts";

const session = (owner: string, isEstablished: boolean) => ({
  ...{ owner, address: "198.51.0.2", isEstablished, received: 2, announced: 1 },
  ...(isEstablished
    ? { reason: "Established", message: "Routes are exchanged with 198.51.0.2" }
    : { reason: "NotConnected", message: "No session with 198.51.0.2 port 179" }),
});
const status = (more: Partial<HostBgpStatus>): HostBgpStatus => ({
  ...{ version: "3.10.0", sessions: [], faults: [], learnt: 4, ...more },
});

test("without BGP nothing is told", () => {
  expect(bgpReport(undefined)).toEqual({});
});

test("hosts are counted, and routers are told of one by one", () => {
  const sessions = [session("host/b", true), session("host/c", false), session("bgppeer/r", true)];
  const { bgp, unspoken } = bgpReport(status({ sessions }));
  expect(bgp).toEqual({
    ...{ version: "3.10.0", learnt: 4, hosts: 2, hostsEstablished: 1 },
    peers: [
      {
        ...{ peer: "r", established: true, reason: "Established", received: 2, announced: 1 },
        message: "Routes are exchanged with 198.51.0.2",
      },
    ],
  });
  expect(unspoken).toBe("host/c: No session with 198.51.0.2 port 179");
});

test("a router that was left out is told of with the reason", () => {
  const faults = [{ owner: "bgppeer/r", message: "has no session: password file …" }];
  const { bgp, unspoken } = bgpReport(status({ faults }));
  expect(bgp!.peers).toEqual([
    {
      ...{ peer: "r", established: false, reason: "LeftOut", received: 0, announced: 0 },
      message: "has no session: password file …",
    },
  ]);
  expect(unspoken).toContain("bgppeer/r: has no session");
});

test("of many troubles the first are told, and how many more there are", () => {
  const sessions = Array.from({ length: 8 }, (_, i) => session(`host/h${i}`, false));
  const { unspoken = "" } = bgpReport(status({ sessions, error: "gobgpd is missing" }));
  expect(unspoken.split("; ").length).toBe(6);
  expect(unspoken).toStartWith("gobgpd is missing; host/h0: ");
  expect(unspoken).toEndWith("; and 4 more");
});

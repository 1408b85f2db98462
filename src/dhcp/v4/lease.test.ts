/** What a server's answer makes of a lease. */
import { describe, expect, test } from "bun:test";
import { leaseOf } from "./lease.ts";
import { optionsOf, type Said } from "./server-fixture.ts";

describe("a lease of an answer", () => {
  const leaseWith = (said: Said) =>
    leaseOf(
      {
        op: "reply",
        type: "ACK",
        xid: 1,
        secs: 0,
        broadcast: false,
        ciaddr: "0.0.0.0",
        yiaddr: "10.0.0.9",
        giaddr: "0.0.0.0",
        chaddr: "02:00:5e:00:53:01",
        options: optionsOf({ serverId: "10.0.0.1", subnetMask: "255.255.0.0", ...said }),
      },
      0,
    );

  test("has the server's DNS, domain and MTU", () => {
    const said: Said = {
      nameservers: ["10.0.0.3", "0.0.0.0"],
      domain: "example.org",
      domainSearch: ["a.example.org", "b c"],
      mtu: 1400,
    };
    expect(leaseWith(said)).toMatchObject({
      ips: [{ address: "10.0.0.9/16" }],
      dns: { nameservers: ["10.0.0.3"], domain: "example.org", search: ["a.example.org"] },
      mtu: 1400,
      times: { expiresAt: 3_600_000 },
    });
  });

  test("has no name in it that could write a second line into a resolver's file, and no tiny MTU", () => {
    const lease = leaseWith({ domain: "x\nnameserver 6.6.6.6", domainSearch: ["a\nb"], mtu: 68 });
    expect(lease).toMatchObject({ dns: {} });
    expect(lease).not.toHaveProperty("mtu");
  });

  test("classless routes stand for all others; those without a router are on the link", () => {
    const routers = ["10.0.0.1"];
    const staticRoutes = [
      { dst: "10.9.0.0/8", router: "10.0.0.2" },
      { dst: "224.0.0.0/0", router: "10.0.0.2" },
    ];
    expect(leaseWith({ routers, staticRoutes })).toMatchObject({
      ips: [{ address: "10.0.0.9/16", gateway: "10.0.0.1" }],
      routes: [
        { dst: "10.0.0.0/8", gw: "10.0.0.2" },
        { dst: "0.0.0.0/0", gw: "10.0.0.1" },
      ],
    });
    const classlessRoutes = [
      { dst: "192.0.2.0/24", router: "10.0.0.2" },
      { dst: "198.51.100.0/24", router: "0.0.0.0" },
    ];
    expect(leaseWith({ routers, staticRoutes, classlessRoutes })).toMatchObject({
      routes: [
        { dst: "192.0.2.0/24", gw: "10.0.0.2" },
        { dst: "198.51.100.0/24", gw: "0.0.0.0", scope: 253 },
      ],
    });
  });
});

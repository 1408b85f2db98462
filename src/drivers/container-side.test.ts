/** What links of every type have inside containers. */
import { expect, test } from "bun:test";
import type { Port } from "../model/port.ts";
import { linkSysctls } from "./container-side.ts";
import { plainHost, plainPort, sysctlsOf } from "./driver-fixture.ts";

const settings = (port: Port, acceptRa = false) =>
  sysctlsOf(linkSysctls(port, plainHost, { dad: false, acceptRa }));
const only4: Port = { ...plainPort, ips: [{ address: "10.1.0.5/24" }] };
const disabled = "net/ipv6/conf/eth0/disable_ipv6";

test("routers are not listened to unless asked", () => {
  expect(settings(plainPort)).toContain("net/ipv6/conf/eth0/accept_ra=0");
  expect(settings(plainPort, true)).toContain("net/ipv6/conf/eth0/accept_ra=2");
  expect(settings({ ...plainPort, ips: [] })).toContain("net/ipv6/conf/eth0/accept_ra=0");
});

test("a link with IPv4 alone has IPv6 off, unless routers shall be listened to", () => {
  expect(settings(only4)).toContain(`${disabled}=1`);
  expect(settings(only4, true).join()).not.toContain(disabled);
});

test("a link with IPv6 has it on, and one without addresses is left as it is", () => {
  expect(settings(plainPort)).toContain(`${disabled}=0`);
  expect(settings({ ...plainPort, ips: [] }).join()).not.toContain(disabled);
});

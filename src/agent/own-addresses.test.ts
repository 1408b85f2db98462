/** Of which of the kernel's notices the addresses of a host may be others. */
import { expect, test } from "bun:test";
import type { MonitorEvent } from "../kernel/netlink/monitor.ts";
import { mayMove } from "./own-addresses.ts";

const address = (text: string) =>
  ({ kind: "address", gone: false, address: { address: text } }) as unknown as MonitorEvent;
const route = (dst: string) =>
  ({ kind: "route", gone: true, route: { dst } }) as unknown as MonitorEvent;

const cases: readonly [string, MonitorEvent, boolean][] = [
  ["an address of a subnet", address("192.0.2.7/24"), true],
  ["one of IPv6", address("2001:db8::7/64"), true],
  ["a gateway of containers", address("169.254.1.1/32"), false],
  ["the same of IPv6", address("2001:db8::1/128"), false],
  ["a link-local one", address("fe80::1/64"), false],
  ["a default route", route("0.0.0.0/0"), true],
  ["one of IPv6", route("::/0"), true],
  ["a container's", route("10.1.0.5/32"), false],
  ["what was lost", { kind: "resync" }, true],
];
test.each(cases)("%s", (_name, event, expected) => expect(mayMove(event)).toBe(expected));

/** Containers with addresses on a link that leads nowhere. */
import type { LoneLink } from "../model/kernel-object.ts";
import { object, type Parsed } from "../model/parse.ts";
import { attachmentScope, type Port } from "../model/port.ts";
import { linkAddresses, linkRoutes, linkSysctls } from "./container-side.ts";
import type { Driver } from "./driver.ts";
import { unguardedFields } from "./guard-config.ts";
import { requireAddresses } from "./require-addresses.ts";

const fields = object(unguardedFields("the link leads nowhere: leave it out"));

export const dummy: Driver<Parsed<typeof fields>> = {
  networkType: "dummy",
  enforcement: "netns",
  parse: (input) => fields(input, ""),

  complete: requireAddresses,

  network: () => [],

  port: (port, { acceptRa }, facts) => [
    linkOf(port),
    ...linkSysctls(port, facts, { dad: false, acceptRa }),
    ...linkAddresses(port, { dad: false }),
    ...linkRoutes(port),
  ],

  links: (port) => [{ netns: port.netns, name: port.ifName }],

  gatewayLink: () => undefined,
};

function linkOf(port: Port): LoneLink {
  return {
    netns: port.netns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    kind: "link",
    type: "dummy",
    name: port.ifName,
    mac: port.mac,
    mtu: 1500,
    alias: port.alias,
    up: true,
  };
}

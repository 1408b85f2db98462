/** A macvlan network on the uplink of a private host, with everything that it can have. */
import type { Network } from "./attachment.ts";
import { uplink } from "./private-host.ts";

/** The host itself reaches its containers by a shim; they are kept to their own addresses. */
export function macvlanNetwork(name: string, more: object = {}): Network {
  const subnet = (address: string, length: number) =>
    `${address.replace(/[^.:]+$/, address.includes(":") ? "" : "0")}/${length}`;
  const main = {
    type: "macvlan",
    master: uplink.name,
    hostShim: true,
    macspoofchk: true,
    ipspoofchk: true,
    ipam: {
      type: "host-local",
      ranges: [
        [{ subnet: subnet(uplink.ipv4, 24), rangeStart: "198.51.100.20" }],
        [{ subnet: subnet(uplink.ipv6, 64), rangeStart: "2001:db8:1::20" }],
      ],
    },
    ...more,
  };
  return { name, bridge: "nls-uplink", plugins: [main] };
}

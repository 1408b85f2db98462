/** The shared exam of network types: what each is tried with. Every driver has its entries here. */
import type { PortRoute } from "../model/port.ts";
import { bridge } from "./bridge.ts";
import type { Driver } from "./driver.ts";
import { ptp } from "./ptp.ts";

/** A network to sit the exam with: its containers have addresses of both families. */
export interface Candidate {
  /** What is special about it. */
  readonly name: string;
  readonly driver: Driver<any>;
  /** As the user writes it. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly routes?: readonly PortRoute[];
  /** The host does not reach the containers, nor they the host. */
  readonly withoutHost?: boolean;
}

const bothDefaults: readonly PortRoute[] = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];

export const candidates: readonly Candidate[] = [
  { name: "bridge without gateway", driver: bridge, config: {}, withoutHost: true },
  { name: "bridge as gateway", driver: bridge, config: { isGateway: true } },
  {
    name: "bridge with everything",
    driver: bridge,
    config: {
      bridge: "nlexam0",
      isDefaultGateway: true,
      forceAddress: true,
      ipMasq: true,
      macspoofchk: true,
      hairpinMode: true,
      mtu: 1400,
    },
  },
  {
    name: "bridge in promiscuous mode, with routes",
    driver: bridge,
    config: { isGateway: true, promiscMode: true, ipMasq: true },
    routes: [...bothDefaults, { dst: "192.0.2.0/24", priority: 50, mtu: 1300 }],
  },
  {
    name: "bridge with duplicate address detection",
    driver: bridge,
    config: { isGateway: true, enabledad: true },
  },
  { name: "ptp", driver: ptp, config: {}, routes: bothDefaults },
  { name: "ptp with masquerading", driver: ptp, config: { ipMasq: true, mtu: 1400 } },
];

/** Addresses of the exam's container `n`, counted from 1, and their gateways. */
export function examAddresses(n: number) {
  return {
    ips: [`10.88.0.${n + 1}/24`, `fd00:88::${(n + 1).toString(16)}/64`],
    gateways: ["10.88.0.1", "fd00:88::1"],
  };
}

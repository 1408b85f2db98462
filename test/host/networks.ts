/** Networks that tests attach containers to: the same one, made in different ways. */
import type { Network } from "./attachment.ts";

export interface NetworkOptions {
  readonly name: string;
  readonly bridge: string;
  /** The third part of its addresses: 10.N.0.0/16 and fd00:N::/64. */
  readonly subnet: number;
  readonly ports?: readonly { hostPort: number; containerPort: number; protocol: string }[];
}

/** `bridge` and `host-local`, masquerading, both families. */
export function bridgeNetwork(options: NetworkOptions): Network {
  return { ...options, plugins: [{ type: "bridge", ...mainConfig(options) }] };
}

/** The same with `portmap` behind it. */
export function chainedNetwork(options: NetworkOptions): Network {
  const portmap = { type: "portmap", ...portConfig(options) };
  return { ...options, plugins: [{ type: "bridge", ...mainConfig(options) }, portmap] };
}

/** The same in one `netloom` plugin. */
export function inlineNetwork(options: NetworkOptions): Network {
  const one = { type: "netloom", driver: "bridge", ...mainConfig(options), ...portConfig(options) };
  return { ...options, plugins: [one] };
}

const guard = { ingressPolicy: "isolated" };
const limits = { ingressRate: 8e7, ingressBurst: 8e6, egressRate: 8e7, egressBurst: 8e6 };

/** A bridge with limits and isolated containers, by a chain. */
export function limitedNetwork(options: NetworkOptions): Network {
  const main = { type: "bridge", ...mainConfig(options) };
  const plugins = [main, { type: "firewall", ...guard }, { type: "bandwidth", ...limits }];
  return { ...options, plugins };
}

/** The same in one `netloom` plugin. */
export function inlineLimitedNetwork(options: NetworkOptions): Network {
  const main = { type: "netloom", driver: "bridge", ...mainConfig(options) };
  return { ...options, plugins: [{ ...main, firewall: guard, bandwidth: limits }] };
}

const mainConfig = ({ bridge, subnet }: NetworkOptions) => ({
  bridge,
  isGateway: true,
  ipMasq: true,
  ipam: {
    type: "host-local",
    ranges: [[{ subnet: `10.${subnet}.0.0/16` }], [{ subnet: `fd00:${subnet}::/64` }]],
    routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
  },
});

const portConfig = ({ ports = [] }: NetworkOptions) => ({
  runtimeConfig: { portMappings: ports },
});

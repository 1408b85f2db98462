/** Every kind. */
import { apiVersionOf, type Kind, type ObjectOfKind } from "../kind.ts";
import { bgpConfigurationKind } from "./bgp-configuration.ts";
import { bgpPeerKind } from "./bgp-peer.ts";
import { grantKind } from "./grant.ts";
import { hostKind } from "./host.ts";
import { ipBlockKind } from "./ip-block.ts";
import { ipPoolKind } from "./ip-pool.ts";
import { namespaceKind } from "./namespace.ts";
import { networkKind } from "./network.ts";
import { portKind } from "./port.ts";
import { subnetKind } from "./subnet.ts";
import { tenantKind } from "./tenant.ts";
import { tokenKind } from "./token.ts";

export type Namespace = ObjectOfKind<typeof namespaceKind>;
export type Network = ObjectOfKind<typeof networkKind>;
export type Subnet = ObjectOfKind<typeof subnetKind>;
export type Port = ObjectOfKind<typeof portKind>;
export type Tenant = ObjectOfKind<typeof tenantKind>;
export type Host = ObjectOfKind<typeof hostKind>;
export type IPBlock = ObjectOfKind<typeof ipBlockKind>;
export type IPPool = ObjectOfKind<typeof ipPoolKind>;
export type BGPConfiguration = ObjectOfKind<typeof bgpConfigurationKind>;
export type BGPPeer = ObjectOfKind<typeof bgpPeerKind>;
export type Token = ObjectOfKind<typeof tokenKind>;
export type Grant = ObjectOfKind<typeof grantKind>;

/** In the order in which they are told of. */
export const kinds: readonly Kind<any, any>[] = [
  namespaceKind,
  tenantKind,
  hostKind,
  networkKind,
  subnetKind,
  ipPoolKind,
  ipBlockKind,
  portKind,
  bgpConfigurationKind,
  bgpPeerKind,
  tokenKind,
  grantKind,
];

/** The kind of that name and version: `Network` of `netloom.dev/v1alpha1`. */
export function findKind(apiVersion: string, kind: string): Kind<any, any> | undefined {
  return kinds.find((each) => each.kind === kind && apiVersionOf(each) === apiVersion);
}

/** The kind that a person means by its plural, singular, kind or short name, in any case. */
export function kindNamed(word: string): Kind<any, any> | undefined {
  const [name = "", ...group] = word.toLowerCase().split(".");
  const meant = kinds.filter(
    (kind) => group.length === 0 || kind.group === group.join(".").replace(/^v1alpha1\./, ""),
  );
  return meant.find((kind) =>
    [kind.plural, kind.singular, kind.kind.toLowerCase(), ...kind.shortNames].includes(name),
  );
}

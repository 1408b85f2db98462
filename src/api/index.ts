/**
 * The client library: `import … from "netloom/client"`. It needs nothing but `fetch`; on Unix
 * sockets and with client certificates, Bun's.
 *
 * ```ts
 * import { client, endpoints, networkKind } from "netloom/client";
 *
 * const api = client(endpoints(["unix:/run/netloom/api.sock"], { fetch }), { fieldManager: "me" });
 * const networks = api.of(networkKind);
 * await networks.apply(
 *   { metadata: { namespace: "default", name: "blue" }, spec: { type: "bridge" } },
 *   { fieldManager: "me" },
 * );
 * for await (const { type, object } of networks.watch()) console.log(type, object.metadata.name);
 * ```
 *
 * Objects are typed by their kind. A refusal is an `ApiError` with Kubernetes' `Status`; where no
 * server answers, or it is not known whether something was done, an `UnreachableError`.
 * `examples/client.ts` shows more.
 */
export { type Client, type ClientOptions, client } from "./client/client.ts";
export {
  type Credentials,
  type EndpointOptions,
  endpoints,
  type Fetch,
  type FetchInit,
  parseEndpoint,
} from "./client/endpoints.ts";
export {
  type Followed,
  type FollowOptions,
  follow,
  type Source,
  type WatchFrom,
} from "./client/follow.ts";
export { type Change, type Informer, type InformerOptions, informer } from "./client/informer.ts";
export { pathOf } from "./client/requests.ts";
export type {
  ApplyOptions,
  DeleteOptions,
  Draft,
  ListOptions,
  ObjectList,
  ObjectName,
  Part,
  Resource,
  Selection,
  SendRequest,
  WatchOptions,
  WriteOptions,
} from "./client/resource.ts";
export { type ApiRequest, type Transport, UnreachableError } from "./client/transport.ts";
export type { Kind, ObjectOfKind } from "./kind.ts";
export { bgpConfigurationKind } from "./kinds/bgp-configuration.ts";
export { bgpPeerKind } from "./kinds/bgp-peer.ts";
export { grantKind } from "./kinds/grant.ts";
export { hostKind } from "./kinds/host.ts";
export {
  type BGPConfiguration,
  type BGPPeer,
  findKind,
  type Grant,
  type Host,
  type IPBlock,
  type IPPool,
  kindNamed,
  kinds,
  type Namespace,
  type Network,
  type Port,
  type Subnet,
  type Tenant,
  type Token,
} from "./kinds/index.ts";
export { ipBlockKind } from "./kinds/ip-block.ts";
export { ipPoolKind } from "./kinds/ip-pool.ts";
export { namespaceKind } from "./kinds/namespace.ts";
export { networkKind } from "./kinds/network.ts";
export { portKind } from "./kinds/port.ts";
export { subnetKind } from "./kinds/subnet.ts";
export { tenantKind } from "./kinds/tenant.ts";
export { tokenKind } from "./kinds/token.ts";
export type { WatchEvent } from "./node-spec.ts";
export type { ApiObject, Condition, ObjectMeta } from "./object.ts";
export { ApiError, isNotFound, type Status } from "./status-error.ts";

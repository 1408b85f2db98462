/** What overlays want of the host's tunnel, and whom they don't reach by it. */
import type { Endpoint } from "../../api/elsewhere.ts";
import type { Network } from "../../api/kinds/index.ts";
import { CniError, cniCodes } from "../../cni/errors.ts";
import { overlayKey } from "../../engine/overlay-place.ts";
import { isEncrypted, type UnderlayProtocol } from "../../model/encapsulation.ts";
import type { Agent } from "../agent.ts";

const user = "overlays";

type Host = Pick<Agent, "overlays" | "spec" | "tunnel">;

/** Encrypted networks that this host has a segment of, and the hosts that have ports on them. */
function encryptedHere({ overlays, spec }: Host) {
  const all = overlays.all();
  const known = all.length === 0 ? [] : spec.all<Network>("networks");
  const networks = new Map(known.map((one) => [overlayKey(one.metadata.uid), one]));
  const here = all.map((overlay) => ({
    overlay,
    network: networks.get(overlay.place.key),
  }));
  const found = here.flatMap(({ network }) =>
    network && isEncrypted(network.spec) ? [{ name: nameOf(network), spec: network.spec }] : [],
  );
  // One whose network is gone is as it was until its ports are gone too.
  const orphans = here.flatMap(({ overlay, network }) => (network ? [] : [overlay]));
  const hosts = new Map(found.map(({ name }) => [name, new Set<string>()]));
  if (hosts.size > 0) {
    for (const { spec: endpoint } of spec.all<Endpoint>("endpoints")) {
      hosts.get(endpoint.network)?.add(endpoint.host);
    }
  }
  return { networks: found.map((each) => ({ ...each, hosts: hosts.get(each.name)! })), orphans };
}

const nameOf = ({ metadata }: Network): string => `${metadata.namespace}/${metadata.name}`;

/** Tells the tunnel: before a segment is made, and after one is gone. Whether it is wanted. */
export function wantTunnel(agent: Host): boolean {
  const { networks, orphans } = encryptedHere(agent);
  const protocols = new Map<string, UnderlayProtocol>();
  for (const { spec, hosts } of networks) {
    const { underlayProtocol = "ipv4" } = spec;
    for (const host of hosts) {
      if (underlayProtocol === "ipv4" || !protocols.has(host))
        protocols.set(host, underlayProtocol);
    }
  }
  const needs = new Map([...protocols.keys()].map((host) => [host, []]));
  const isWanted = networks.length > 0 || orphans.some(({ isEncrypted }) => isEncrypted);
  // Of what an earlier agent made nobody says any more what it is.
  if (!isWanted && orphans.some(({ isEncrypted }) => isEncrypted === undefined)) return true;
  agent.tunnel.want(user, isWanted ? needs : undefined, protocols);
  return isWanted;
}

/** For a port that comes. Throws CniError 11 where the host can't have a tunnel. */
export async function enterTunnel(agent: Host, network: Network): Promise<void> {
  wantTunnel(agent);
  await agent.tunnel.pass();
  const { trouble } = agent.tunnel;
  if (trouble === undefined) return;
  throw new CniError(
    cniCodes.tryLater,
    `Cannot attach to network "${nameOf(network)}": nothing of it may leave this host ` +
      `unencrypted, and the host has no tunnel: ${trouble}`,
  );
}

/** A sentence for each host that one of them does not reach. */
export function unreachedOverlays(agent: Host): string[] {
  return encryptedHere(agent).networks.flatMap(({ name, hosts }) =>
    [...hosts].flatMap((host) => {
      const state = agent.tunnel.stateOf(host);
      return state ? [`network "${name}" does not reach host "${host}": ${state.why}`] : [];
    }),
  );
}

/** Brings overlays in line with the node spec and this host's ports. */
import type { Endpoint, HostPeer } from "../../api/elsewhere.ts";
import type { Network } from "../../api/kinds/index.ts";
import { CniError, cniCodes } from "../../cni/errors.ts";
import { overlayKey } from "../../engine/overlay-place.ts";
import { isEncrypted } from "../../model/encapsulation.ts";
import type { Agent } from "../agent.ts";
import { enterTunnel, unreachedOverlays, wantTunnel } from "./encryption.ts";
import type { Known } from "./entries.ts";
import type { Overlay } from "./overlay.ts";
import { missingOf, segmentConfig } from "./segment-config.ts";

/** A network that was just declared has its VNI soon. */
const declaredPatienceMs = 5_000;
/** Other hosts' ports come with the first of this host. */
const endpointsPatienceMs = 1_000;

/** Those that something is news of. Gives whether nothing failed. Never throws. */
export async function followOverlays(agent: Agent): Promise<boolean> {
  // Of what it does not know yet it can't say that it went.
  if (!agent.spec.isComplete) return true;
  // Before any segment is to be encrypted, and after the last one is gone.
  if (wantTunnel(agent)) await agent.tunnel.pass();
  const news = agent.overlays.takeNews();
  const isDone = news.length === 0 || (await followAll(agent, news));
  if (news.length > 0) wantTunnel(agent);
  agent.overlays.noteUnreached(unreachedOverlays(agent));
  return isDone;
}

async function followAll(agent: Agent, news: readonly Overlay[]): Promise<boolean> {
  let isDone = true;
  const networks = new Map(
    agent.spec.all<Network>("networks").map((one) => [overlayKey(one.metadata.uid), one]),
  );
  const known = knownElsewhere(agent);
  for (const overlay of news) {
    const { key } = overlay.place;
    const network = networks.get(key);
    try {
      if (isUnused(agent, overlay)) await agent.overlays.drop(overlay);
      // Without it nobody says what there should be: its ports go first.
      else if (network) await join(agent, overlay, { network, known });
    } catch (error) {
      const about = { network: overlay.network ?? key, error: String(error) };
      agent.log({ level: "error", event: "overlay not in line", ...about });
      agent.overlays.touch(key);
      isDone = false;
    }
  }
  return isDone;
}

/**
 * Makes the overlay ready for a port of this host, and keeps it until the result is disposed of.
 * `bookmarks`: how many had come before a server could know of the port; undefined: it knew
 * already. Throws CniError 11 where something is missing, NetlinkError.
 */
export async function enterOverlay(
  agent: Agent,
  network: Network,
  bookmarks: number | undefined,
): Promise<Disposable> {
  await agent.overlays.whenStaying(network);
  const overlay = agent.overlays.of(network);
  overlay.users++;
  const leave = () => {
    overlay.users--;
    agent.overlays.touch(overlay.place.key);
  };
  try {
    const current = await waitUntilWhole(agent, network);
    const isFirst = overlay.network === undefined;
    if (isFirst && bookmarks !== undefined) await waitForEndpoints(agent, bookmarks);
    if (isEncrypted(current.spec)) await enterTunnel(agent, current);
    await join(agent, overlay, { network: current, known: knownElsewhere(agent) });
    return { [Symbol.dispose]: leave };
  } catch (error) {
    leave();
    throw error;
  }
}

/** The network, once it has what a segment needs. Throws CniError 11. */
async function waitUntilWhole(agent: Agent, network: Network): Promise<Network> {
  const { control, spec, host, patience } = agent;
  const { namespace = "", name, uid } = network.metadata;
  const now = () => spec.network({ namespace, name }) ?? network;
  const missing = () => missingOf(now(), spec.host(host));
  await control.waitFor(() => missing() === undefined, patience.leftMs(declaredPatienceMs));
  const why = missing();
  if (why === undefined && now().metadata.uid === uid) return now();
  throw new CniError(
    cniCodes.tryLater,
    `Cannot attach to network "${namespace}/${name}": ${why ?? "it was declared anew: try again"}`,
  );
}

/** Where a server is heard the ports of other hosts are known before the first packet. */
async function waitForEndpoints(
  { control, spec, patience }: Agent,
  bookmarks: number,
): Promise<void> {
  if (!control.isReached) return;
  await control.waitFor(() => spec.bookmarks > bookmarks, patience.leftMs(endpointsPatienceMs));
}

interface Elsewhere {
  /** By network, `namespace/name`. */
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
  readonly peers: ReadonlyMap<string, HostPeer>;
}

function knownElsewhere({ spec, silent }: Agent): Elsewhere {
  const endpoints = Map.groupBy(spec.all<Endpoint>("endpoints"), (one) => one.spec.network);
  // Of a host that is gone there are no entries: its ports may be elsewhere soon.
  const peers = spec.all<HostPeer>("hostpeers").filter((peer) => !silent.isGone(peer));
  return { endpoints, peers: new Map(peers.map((peer) => [peer.metadata.name, peer])) };
}

interface Joined {
  readonly network: Network;
  readonly known: Elsewhere;
}

async function join(agent: Agent, overlay: Overlay, { network, known }: Joined): Promise<void> {
  const config = segmentConfig(network, agent.spec.host(agent.host));
  if (!config) return;
  const { entries, changed } = overlay.view.update(knownOf(agent, overlay, { network, known }));
  overlay.isEncrypted = isEncrypted(network.spec);
  if (overlay.isEncrypted && !agent.tunnel.isHeld) {
    await overlay.part(config);
    throw new Error(`its packets could leave unencrypted: ${agent.tunnel.trouble}`);
  }
  await overlay.join(config, entries, { isWhole: agent.spec.isComplete, changed });
}

function knownOf(agent: Agent, overlay: Overlay, { network, known }: Joined): Known {
  const { namespace, name } = network.metadata;
  const here = agent.records.here().filter((record) => record.overlay === overlay.place.key);
  return {
    network,
    endpoints: known.endpoints.get(`${namespace}/${name}`) ?? [],
    peers: known.peers,
    own: here.flatMap(({ port, mac, addresses, epoch }) =>
      mac === undefined
        ? []
        : [
            {
              name: `${port.namespace}/${port.name}`,
              mac,
              addresses: addresses.map(({ address }) => address),
              ...(epoch !== undefined && { epoch }),
            },
          ],
    ),
  };
}

function isUnused({ records }: Agent, { users, place, engine }: Overlay): boolean {
  if (users > 0 || engine.records().length > 0) return false;
  return !records.here().some(({ overlay }) => overlay === place.key);
}

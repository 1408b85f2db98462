/** Routers that hosts peer with: how many of the hosts have a session, by what hosts tell. */
import { equalJson } from "../../api/json.ts";
import type { BGPPeer, Host } from "../../api/kinds/index.ts";
import { prefixOf } from "../objects/keys.ts";
import { decodeEntry } from "../objects/stored.ts";
import { type Told, withCondition } from "./condition.ts";
import { find, kindOf, type ReconcileContext, type Reconciler, writeStatus } from "./reconciler.ts";

type Session = NonNullable<NonNullable<NonNullable<Host["status"]>["bgp"]>["peers"]>[number];
interface HostSession extends Pick<Session, "established" | "message"> {
  readonly host: string;
  readonly version: string | undefined;
}

/** Hosts that have none, by name: more would fill the condition. */
const mostTold = 5;

export const bgpPeerStatus: Reconciler = {
  name: "bgp-peer-status",
  pauseMs: 2000,
  touched({ plural, object, previous }) {
    if (plural === "bgppeers") return object ? [object.metadata.name] : [];
    if (plural !== "hosts") return [];
    const [was, is] = [told(previous as Host | undefined), told(object as Host | undefined)];
    const names = new Set([...was.keys(), ...is.keys()]);
    return [...names].filter((name) => !equalJson(was.get(name), is.get(name)));
  },
  async run(context, what) {
    const peer = await find<BGPPeer>(context, "BGPPeer", what);
    if (!peer) return undefined;
    const sessions = await sessionsWith(context, what);
    const established = sessions.filter((session) => session.established).length;
    await writeStatus(context, peer, ({ metadata, status }) => {
      const at = { now: context.objects.now(), generation: metadata.generation };
      const conditions = conditionsOf(peer, sessions).reduce(
        (done, condition) => withCondition(done, condition, at),
        status?.conditions,
      );
      const kept = peer.spec.bfd ? conditions : withoutBfd(conditions);
      return { ...status, hosts: sessions.length, established, conditions: kept };
    });
    return undefined;
  },
};

/** By peer: what counts of a host's sessions, without what changes with each route. */
const told = (host: Host | undefined): Map<string, object> => {
  const { version, peers = [] } = host?.status?.bgp ?? {};
  return new Map(
    peers.map(({ peer, established, message }) => [peer, { version, established, message }]),
  );
};

async function sessionsWith(context: ReconcileContext, peer: string): Promise<HostSession[]> {
  const { entries } = await context.objects.store.list(prefixOf(kindOf("Host")));
  return entries.flatMap((entry) => {
    const { metadata, status } = decodeEntry(entry) as Host;
    const session = status?.bgp?.peers?.find((each) => each.peer === peer);
    if (!session) return [];
    const { established, message } = session;
    return [{ host: metadata.name, version: status?.bgp?.version, established, message }];
  });
}

function conditionsOf({ spec }: BGPPeer, sessions: readonly HostSession[]): Told[] {
  return [readiness(sessions), ...(spec.bfd ? [bfdOf(sessions)] : [])];
}

function readiness(sessions: readonly HostSession[]): Told {
  const type = "Ready";
  if (sessions.length === 0) {
    const message = "No host that it is for has a network with backend bgp, or none has told yet";
    return { type, status: "False", reason: "NoHosts", message };
  }
  const without = sessions.filter(({ established }) => !established);
  if (without.length === 0) {
    return { type, status: "True", reason: "Established", message: "All hosts have a session" };
  }
  const named = without.slice(0, mostTold).map(({ host, message }) => `${host}: ${message}`);
  const more = without.length - named.length;
  const message = `${named.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
  return { type, status: "False", reason: "NotEstablished", message };
}

/** The daemon that hosts speak by has none yet. */
function bfdOf(sessions: readonly HostSession[]): Told {
  const versions = [...new Set(sessions.flatMap(({ version }) => version ?? []))];
  const theirs =
    versions.length > 0 ? `hosts have ${versions.join(", ")}` : "hosts speak by GoBGP 3";
  const message =
    `GoBGP has BFD from 4.6 on, and ${theirs}: sessions go on without it, and end by ` +
    "holdTimeSeconds: make that short, and set bfd to false";
  return { type: "BFD", status: "False", reason: "Unsupported", message };
}

const withoutBfd = <C extends { readonly type: string }>(conditions: readonly C[] = []): C[] =>
  conditions.filter(({ type }) => type !== "BFD");

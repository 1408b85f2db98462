/** What the API is to say of BGP on this host. Pure. */
import type { Session } from "../../bgp/sessions.ts";
import type { HostReport } from "../report/host-report.ts";
import type { HostBgpStatus } from "./host-bgp.ts";

/** More would fill the condition. */
const mostTold = 5;
const peerOwner = "bgppeer/";

export function bgpReport(status: HostBgpStatus | undefined): Pick<HostReport, "bgp" | "unspoken"> {
  if (!status) return {};
  const { version, sessions, learnt, faults, error } = status;
  const ofPeers = sessions.filter(({ owner }) => owner.startsWith(peerOwner));
  const ofHosts = sessions.filter(({ owner }) => !owner.startsWith(peerOwner));
  const unspoken = troubleOf(status);
  const left = faults.filter(
    ({ owner }) => owner.startsWith(peerOwner) && !ofPeers.some((each) => each.owner === owner),
  );
  return {
    bgp: {
      ...(version !== "" && { version }),
      learnt,
      hosts: ofHosts.length,
      hostsEstablished: ofHosts.filter(({ isEstablished }) => isEstablished).length,
      peers: [
        ...ofPeers.map(peerStatus),
        ...left.map(({ owner, message }) => ({
          ...{ peer: owner.slice(peerOwner.length), established: false },
          ...{ reason: "LeftOut", message, received: 0, announced: 0 },
        })),
      ],
    },
    ...(unspoken !== undefined && { unspoken }),
  };

  function peerStatus({ owner, isEstablished, ...session }: Session) {
    const { reason, message, received, announced } = session;
    return {
      ...{ peer: owner.slice(peerOwner.length), established: isEstablished },
      ...{ reason, message: error ?? message, received, announced },
    };
  }
}

function troubleOf({ sessions, faults, error }: HostBgpStatus): string | undefined {
  const down = sessions.filter(({ isEstablished }) => !isEstablished);
  const all = [
    ...(error === undefined ? [] : [error]),
    ...faults.map(({ owner, message }) => `${owner}: ${message}`),
    ...down.map(({ owner, message }) => `${owner}: ${message}`),
  ];
  if (all.length === 0) return undefined;
  const more = all.length - mostTold;
  return all.slice(0, mostTold).join("; ") + (more > 0 ? `; and ${more} more` : "");
}

/** The link kind `veth`: its data is the peer, a whole link message. Source: uapi/linux/veth.h. */
import { type Attrs, attrs, type Codec } from "./codec.ts";
import { linkAttrs, linkHeader } from "./link-table.ts";

/**
 * The pair's other end. With `netNsFd` it is born in that namespace, under its final name. It is
 * born down: the kernel refuses to set a peer up before the pair is joined (ENOTCONN).
 */
export interface VethPeer {
  readonly name: string;
  /** The ifindex to take. Absent: the kernel chooses. */
  readonly index?: number;
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly netNsFd?: number;
  readonly group?: number;
  readonly numTxQueues?: number;
  readonly numRxQueues?: number;
}

const infoPeer = 1;
const peerAttrs = attrs(linkAttrs);

// Not `nested`: a struct stands before the attributes.
const peerCodec: Codec<VethPeer> = {
  write: (out, { index, ...rest }) => {
    linkHeader.write(out, { index });
    peerAttrs.write(out, rest as Attrs<typeof linkAttrs>);
  },
  read: (from) => {
    const { index } = linkHeader.read(from);
    const { name, mac, mtu, netNsFd, group, numTxQueues, numRxQueues } = peerAttrs.read(from);
    return { name: name ?? "", index, mac, mtu, netNsFd, group, numTxQueues, numRxQueues };
  },
};

/** Written only: the kernel tells of the peer by `link` and `linkNetnsId` instead. */
export const vethData = attrs({ peer: [infoPeer, peerCodec] });

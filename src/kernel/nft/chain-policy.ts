/** Asks for the policy of base chains, apart from all else that nftables can be asked. */
import { string, struct, u8, u16be, u32be } from "../netlink/codec.ts";
import { decode, layout, request } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";

/** NFT_MSG_GETCHAIN of NFNL_SUBSYS_NFTABLES. */
const getChain = (10 << 8) | 4;
const familyNumber = { ip: 2, ip6: 10 } as const;
const dropPolicy = 0;

/** Of `struct nfgenmsg` and NFTA_CHAIN_, what is needed here. */
const policyLayout = layout(struct({ family: u8, version: u8, resId: u16be }), {
  table: [1, string],
  name: [3, string],
  policy: [5, u32be],
});

/** A base chain of iptables' or ip6tables', as they keep it in nftables. */
export interface IptablesChain {
  readonly family: keyof typeof familyNumber;
  readonly table: string;
  readonly chain: string;
}

/** Whether the chains exist and drop what their rules let through, asked in one go. */
export function policiesDrop(socket: NetlinkSocket, chains: readonly IptablesChain[]): boolean[] {
  const asked = chains.map(({ family, table, chain }) =>
    request(
      { op: `look up chain "${family} ${table} ${chain}"`, type: getChain, flags: 0 },
      policyLayout,
      {
        header: { family: familyNumber[family] },
        attrs: { table, name: chain },
      },
    ),
  );
  return socket.batch(asked).map(({ replies: [answer] }) => {
    return answer !== undefined && decode(answer, policyLayout).attrs.policy === dropPolicy;
  });
}

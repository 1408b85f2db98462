/** Whether chains of others drop, apart from all else that nftables can be asked. */
import { binary, string, struct, u8, u16be, u32be } from "../netlink/codec.ts";
import { decode, layout, request } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";

/** NFT_MSG_GETCHAIN of NFNL_SUBSYS_NFTABLES. */
const getChain = (10 << 8) | 4;
/** NFT_MSG_GETRULE. */
const getRule = (10 << 8) | 7;
const familyNumber = { ip: 2, ip6: 10 } as const;
const dropPolicy = 0;

/** Of `struct nfgenmsg` and NFTA_CHAIN_, what is needed here. */
const policyLayout = layout(struct({ family: u8, version: u8, resId: u16be }), {
  table: [1, string],
  name: [3, string],
  policy: [5, u32be],
});

/** NFTA_RULE_, as far as needed here. */
const ruleLayout = layout(struct({ family: u8, version: u8, resId: u16be }), {
  table: [1, string],
  chain: [2, string],
  expressions: [4, binary],
  userData: [7, binary],
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

/** How the reference's plugins and we name what we put there. */
const harmless = ["CNI-", "netloom"];

/** Whether the chain holds rules but those that lead to CNI's own chains, and ours. */
export function hasForeignRules(
  socket: NetlinkSocket,
  { family, table, chain }: IptablesChain,
): boolean {
  const asked = request(
    { op: `list rules of chain "${family} ${table} ${chain}"`, type: getRule, flags: 0 },
    ruleLayout,
    { header: { family: familyNumber[family] }, attrs: { table, chain } },
  );
  return socket.dump(asked).some((message) => {
    const { expressions, userData } = decode(message, ruleLayout).attrs;
    const decoder = new TextDecoder("latin1");
    const text = `${decoder.decode(expressions)} ${decoder.decode(userData)}`;
    return !harmless.some((name) => text.includes(name));
  });
}

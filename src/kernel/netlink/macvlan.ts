/** The link kind `macvlan`. Source: IFLA_MACVLAN_ in include/uapi/linux/if_link.h. */
import { attrs, i32, listOf, mac, oneOf, u16, u32, type Value, writeAttr } from "./codec.ts";

const macaddr = 4;
const macaddrMode = 3;
const setThese = 3;

const table = attrs({
  mode: [1, oneOf({ private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 }, u32)],
  /** 1: passthru leaves the parent out of promiscuous mode; 2: source mode skips by destination. */
  flags: [2, u16],
  /** Source mode: the hardware addresses whose frames the link gets; read in ascending order. */
  allowedMacs: [5, listOf(macaddr, mac)],
  /** Read only: how many there are. */
  macaddrCount: [6, u32],
  /** Broadcasts that may wait to be handed out; the parent's queue is as long as any child asks. */
  bcQueueLength: [7, u32],
  /** Read only: how long the parent's queue is. */
  bcQueueLengthUsed: [8, u32],
  /** Multicast addresses with so many listeners are handed out later, not at once. Linux 6.4. */
  bcCutoff: [9, i32],
});

/** `allowedMacs` written takes the place of those that there are, also where it is empty. */
export const macvlanData = {
  ...table,
  write: (out, value) => {
    if (value.allowedMacs) writeAttr(out, macaddrMode, u32, setThese);
    table.write(out, value);
  },
  read: (from) => {
    const value: Value<typeof table> = table.read(from);
    if (value.mode === "source" || value.allowedMacs) {
      value.allowedMacs = [...(value.allowedMacs ?? [])].sort();
    }
    return value;
  },
} satisfies typeof table;

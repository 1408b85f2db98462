/** What an attached port keeps of its addresses, and what it gets beside them. Pure. */
import type { AddressWish } from "./addresses.ts";
import type { GivenAddress } from "./agent-ipam.ts";

interface Held {
  readonly address: string;
  readonly subnet?: string;
  readonly claimed?: true;
}

/** Its wishes in their order: those that it has, and those that are yet to be given. */
export interface HeldWishes {
  readonly wishes: readonly (GivenAddress | AddressWish)[];
  /** What it has and is no more to have. */
  readonly surplus: readonly string[];
}

export function heldWishes(wishes: readonly AddressWish[], held: readonly Held[]): HeldWishes {
  const left = [...held];
  const met = wishes.map((wish) => {
    const at = left.findIndex(
      ({ address, subnet }) =>
        subnet === wish.subnet.metadata.name && (wish.address ?? address) === address,
    );
    const [own] = at < 0 ? [] : left.splice(at, 1);
    if (!own) return wish;
    const { address, claimed } = own;
    return { address, subnet: wish.subnet, ...(claimed && { claimed }) };
  });
  return { wishes: met, surplus: left.map(({ address }) => address) };
}

/** Address families, unicast, in the words of GoBGP's API. Source: RFC 4760. */
export const familyMessage = { 4: { afi: 1, safi: 1 }, 6: { afi: 2, safi: 1 } } as const;

/** BGP's words that the API's kinds and a host's speaker share: defaults, and the AS label. */

/** A host with this label has an AS of its own. */
export const asNumberLabel = "netloom.dev/as-number";

/** AS numbers have 32 bits (RFC 6793); 0 is none's (RFC 7607). */
export const maxAsNumber = 2 ** 32 - 1;

/** Of `BGPConfiguration.spec`, and what counts where there is no such object. */
export const bgpDefaults = {
  /** Private (RFC 6996). */
  asNumber: 64512,
  listenPort: 179,
  mesh: { enabled: true, maxHosts: 100 },
  restartTimeSeconds: 120,
} as const;

/** Of `BGPPeer.spec`. */
export const bgpPeerDefaults = {
  port: 179,
  holdTimeSeconds: 90,
  allowOwnAs: 0,
  bfd: false,
} as const;

/**
 * Metrics of routes between hosts, which all have protocol 108: by them each part knows its own,
 * and takes away only of those what it does not want. Of routes to one prefix the lowest counts.
 */
export const routeMetric = {
  /** By the backends of routed networks whose routes the agent works out. */
  routed: 10_800,
  /** Learnt by BGP: a network goes over to another backend without a gap. */
  learnt: 10_801,
  /** Into the host's tunnel. */
  tunnel: 10_802,
  /** Nowhere, where there is no tunnel. */
  tunnelHeld: 10_803,
  /** Nowhere, where a network that is encrypted has no other route. */
  fallback: 10_805,
} as const;

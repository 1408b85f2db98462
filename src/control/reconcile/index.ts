/** All reconcilers. */
import { bgpConfigurationStatus } from "./bgp-configuration-status.ts";
import { bgpPeerStatus } from "./bgp-peer-status.ts";
import { blockLeases, blockReturns } from "./blocks.ts";
import { claim, claimSteps, claimWishes } from "./claims.ts";
import { collector } from "./collector.ts";
import { blockRecalls, hostPrefixes } from "./host-prefixes.ts";
import { hostStatus } from "./host-status.ts";
import { joinedPorts } from "./joined.ts";
import { portMoves } from "./moves.ts";
import { networkStatus } from "./network-status.ts";
import { nodePrefixes } from "./node-prefixes.ts";
import type { Reconciler } from "./reconciler.ts";
import { segments } from "./segments.ts";
import { subnetStatus } from "./subnet-status.ts";
import { tenantStatus } from "./tenant-status.ts";

export const reconcilers: readonly Reconciler[] = [
  collector,
  blockLeases,
  blockReturns,
  nodePrefixes,
  blockRecalls,
  hostPrefixes,
  claimWishes,
  claimSteps,
  portMoves(claim),
  joinedPorts,
  networkStatus,
  segments,
  subnetStatus,
  tenantStatus,
  hostStatus,
  bgpPeerStatus,
  bgpConfigurationStatus,
];

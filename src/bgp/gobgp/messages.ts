/**
 * What GoBGP's API says, as far as we say it or hear it: the package `apipb` of its releases 3.x.
 * Source: osrg/gobgp, api/gobgp.proto, api/attribute.proto; google/protobuf/any.proto.
 */
import { bool, bytes, integer, list, nested, oneOf, text } from "./protobuf.ts";

export const any = { typeUrl: [1, text], value: [2, bytes] } as const;

/** Address family and sub-family identifiers (RFC 4760): 1 or 2, and 1 for unicast. */
export const family = { afi: [1, integer], safi: [2, integer] } as const;

const gracefulRestart = {
  enabled: [1, bool],
  restartTime: [2, integer], // seconds
  deferralTime: [4, integer], // seconds
  notificationEnabled: [5, bool],
  /** The peer has restarted, and is not done with telling its routes. */
  peerRestarting: [9, bool],
  /** To be said with a peer that is added after a restart: sets the bit R (RFC 4724). */
  localRestarting: [10, bool],
} as const;

export const global = {
  asn: [1, integer],
  routerId: [2, text],
  listenPort: [3, integer], // -1: none
  listenAddresses: [4, list(text)],
  useMultiplePaths: [6, bool],
  gracefulRestart: [10, nested(gracefulRestart)],
} as const;

const peerConf = {
  authPassword: [1, text],
  description: [2, text],
  localAsn: [3, integer],
  neighborAddress: [4, text],
  peerAsn: [5, integer],
  allowOwnAsn: [13, integer],
} as const;

/** `established` alone passes routes. Source: RFC 4271, section 8.2.2. */
const sessionState = oneOf({
  idle: 1,
  connect: 2,
  active: 3,
  openSent: 4,
  openConfirm: 5,
  established: 6,
});

const timersConfig = {
  connectRetry: [1, integer],
  holdTime: [2, integer],
  keepaliveInterval: [3, integer],
  idleHoldTimeAfterReset: [5, integer],
} as const;

const restartState = { received: [2, bool], endOfRibReceived: [4, bool] } as const;

const afiSafi = {
  restart: [
    1,
    nested({
      config: [1, nested({ enabled: [1, bool] })],
      state: [2, nested(restartState)],
    }),
  ],
  config: [2, nested({ family: [1, nested(family)], enabled: [2, bool] })],
  state: [
    3,
    nested({
      family: [1, nested(family)],
      received: [3, integer],
      accepted: [4, integer],
      advertised: [5, integer],
    }),
  ],
} as const;

const timestamp = { seconds: [1, integer] } as const;

export const peer = {
  conf: [2, nested(peerConf)],
  ebgpMultihop: [3, nested({ enabled: [1, bool], ttl: [2, integer] })],
  routeReflector: [4, nested({ isClient: [1, bool], clusterId: [2, text] })],
  state: [
    5,
    nested({
      neighborAddress: [5, text],
      peerAsn: [6, integer],
      session: [13, sessionState],
      adminState: [15, oneOf({ up: 0, down: 1, tooManyPrefixes: 2 })],
      routerId: [20, text],
    }),
  ],
  timers: [
    6,
    nested({
      config: [1, nested(timersConfig)],
      state: [2, nested({ uptime: [6, nested(timestamp)] })],
    }),
  ],
  transport: [
    7,
    nested({
      localAddress: [1, text],
      passive: [4, bool],
      remotePort: [6, integer],
    }),
  ],
  gracefulRestart: [9, nested(gracefulRestart)],
  families: [10, list(nested(afiSafi))],
} as const;

/** Of `Path.nlri`. */
export const addressPrefix = { length: [1, integer], address: [2, text] } as const;
/** Of `Path.attributes`: their names in the package. */
export const attributes = {
  OriginAttribute: { origin: [1, integer] }, // 0: IGP
  NextHopAttribute: { nextHop: [1, text] },
  CommunitiesAttribute: { communities: [1, list(integer)] },
  LargeCommunitiesAttribute: {
    communities: [
      1,
      list(nested({ admin: [1, integer], first: [2, integer], second: [3, integer] })),
    ],
  },
  MpReachNLRIAttribute: {
    family: [1, nested(family)],
    nextHops: [2, list(text)],
    nlris: [3, list(nested(any))],
  },
} as const;

export const path = {
  nlri: [1, nested(any)],
  attributes: [2, list(nested(any))],
  best: [4, bool],
  isWithdraw: [5, bool],
  family: [9, nested(family)],
  sourceAsn: [10, integer],
  sourceId: [11, text],
  stale: [13, bool],
  neighborIp: [15, text],
  uuid: [16, bytes],
  isNexthopInvalid: [17, bool],
} as const;

const matchSet = nested({ type: [1, oneOf({ any: 0, all: 1, invert: 2 })], name: [2, text] });

const communityAction = nested({
  type: [1, oneOf({ add: 0, remove: 1, replace: 2 })],
  communities: [2, list(text)],
});

const routeAction = oneOf({ none: 0, accept: 1, reject: 2 });

export const statement = {
  name: [1, text],
  conditions: [
    2,
    nested({
      prefixSet: [1, matchSet],
      neighborSet: [2, matchSet],
      communitySet: [5, matchSet],
      routeType: [8, oneOf({ none: 0, internal: 1, external: 2, local: 3 })],
      families: [11, list(nested(family))],
    }),
  ],
  actions: [
    3,
    nested({
      route: [1, routeAction],
      community: [2, communityAction],
      nextHop: [6, nested({ address: [1, text], self: [2, bool], unchanged: [3, bool] })],
      largeCommunity: [8, communityAction],
    }),
  ],
} as const;

export const definedSet = {
  type: [1, oneOf({ prefix: 0, neighbor: 1, community: 4 })],
  name: [2, text],
  list: [3, list(text)],
  prefixes: [4, list(nested({ prefix: [1, text], least: [2, integer], most: [3, integer] }))],
} as const;

export const policy = { name: [1, text], statements: [2, list(nested(statement))] } as const;

export const assignment = {
  name: [1, text], // "global": what holds for all peers
  direction: [2, oneOf({ import: 1, export: 2 })],
  policies: [4, list(nested(policy))],
  defaultAction: [5, routeAction],
} as const;

const table = oneOf({ global: 0, local: 1, adjIn: 2, adjOut: 3 });

/** Methods: their name and their tables. */
export const methods = {
  startBgp: ["StartBgp", { global: [1, nested(global)] }, {}],
  stopBgp: ["StopBgp", {}, {}],
  getBgp: ["GetBgp", {}, { global: [1, nested(global)] }],
  addPeer: ["AddPeer", { peer: [1, nested(peer)] }, {}],
  updatePeer: [
    "UpdatePeer",
    { peer: [1, nested(peer)], softResetIn: [2, bool] },
    { needsSoftResetIn: [1, bool] },
  ],
  deletePeer: ["DeletePeer", { address: [1, text] }, {}],
  listPeer: ["ListPeer", { address: [1, text] }, { peer: [1, nested(peer)] }],
  resetPeer: [
    "ResetPeer",
    { address: [1, text], soft: [3, bool], direction: [4, oneOf({ in: 0, out: 1, both: 2 })] },
    {},
  ],
  addPath: ["AddPath", { table: [1, table], path: [3, nested(path)] }, { uuid: [1, bytes] }],
  deletePath: [
    "DeletePath",
    { table: [1, table], family: [3, nested(family)], path: [4, nested(path)] },
    {},
  ],
  listPath: [
    "ListPath",
    { table: [1, table], name: [2, text], family: [3, nested(family)] },
    { destination: [1, nested({ prefix: [1, text], paths: [2, list(nested(path))] })] },
  ],
  setPolicies: [
    "SetPolicies",
    {
      definedSets: [1, list(nested(definedSet))],
      policies: [2, list(nested(policy))],
      assignments: [3, list(nested(assignment))],
    },
    {},
  ],
  listDefinedSet: [
    "ListDefinedSet",
    { type: [1, oneOf({ prefix: 0, neighbor: 1 })] },
    { set: [1, nested(definedSet)] },
  ],
  listPolicy: ["ListPolicy", {}, { policy: [1, nested(policy)] }],
  setPolicyAssignment: ["SetPolicyAssignment", { assignment: [1, nested(assignment)] }, {}],
  listPolicyAssignment: [
    "ListPolicyAssignment",
    { name: [1, text], direction: [2, oneOf({ import: 1, export: 2 })] },
    { assignment: [1, nested(assignment)] },
  ],
  watchEvent: [
    "WatchEvent",
    {
      peers: [1, nested({})],
      tables: [
        2,
        nested({
          filters: [
            1,
            list(
              nested({ type: [1, oneOf({ best: 0, adjIn: 1, postPolicy: 2 })], init: [2, bool] }),
            ),
          ],
        }),
      ],
    },
    {
      peer: [
        2,
        nested({
          type: [1, oneOf({ unknown: 0, init: 1, endOfInit: 2, state: 3 })],
          peer: [2, nested(peer)],
        }),
      ],
      table: [3, nested({ paths: [2, list(nested(path))] })],
    },
  ],
} as const;

/** How hosts speak BGP with each other: one object for the cluster. */
import { bgpDefaults } from "../../model/bgp.ts";
import { defineKind } from "../kind.ts";
import type { ObjectMeta } from "../object.ts";
import { flag, integer, object } from "../schema.ts";
import { asNumberBounds, communities, communityFaults } from "./bgp-fields.ts";
import { conditions, selector } from "./fields.ts";

/** The one that counts. */
export const bgpConfigurationName = "default";

const spec = object("The same for all hosts.", {
  asNumber: integer(
    "AS of every host whose label netloom.dev/as-number names no other; private ones are 64512 " +
      "to 65534 and 4200000000 to 4294967294.",
    { ...asNumberBounds, default: bgpDefaults.asNumber },
  ),
  listenPort: integer("TCP port on which hosts hear each other and routers.", {
    minimum: 1,
    maximum: 65535,
    default: bgpDefaults.listenPort,
  }),
  mesh: object("Sessions between hosts.", {
    enabled: flag("Hosts tell each other their addresses; false: routers do that.", {
      default: bgpDefaults.mesh.enabled,
    }),
    maxHosts: integer("With more hosts and no reflectors, hosts say so in a condition.", {
      minimum: 2,
      maximum: 1000,
      default: bgpDefaults.mesh.maxHosts,
    }),
  }),
  routeReflectors: selector(
    "Hosts that pass on what hosts tell (RFC 4456): others then have sessions with these alone.",
  ),
  communities: communities("On all that hosts tell of their own."),
  restartTimeSeconds: integer(
    "So long peers keep a host's routes while its daemon is away (RFC 4724).",
    { minimum: 1, maximum: 4095, default: bgpDefaults.restartTimeSeconds },
  ),
});

/** Whether hosts heed the object. */
const counts = ({ name }: Pick<ObjectMeta, "name">): boolean => name === bgpConfigurationName;

export const bgpConfigurationKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "BGPConfiguration",
  plural: "bgpconfigurations",
  singular: "bgpconfiguration",
  shortNames: ["bgpconf"],
  namespaced: false,
  description:
    "How hosts that have networks with backend bgp speak with each other. Hosts heed the one that is " +
    'named "default"; without it, the defaults count.',
  spec,
  status: object("How it fares.", { conditions }),
  columns: [
    {
      name: "Used",
      type: "boolean",
      description: 'Whether hosts heed it: the one named "default".',
      cell: ({ metadata }) => counts(metadata),
    },
    {
      name: "AS",
      type: "integer",
      description: "Of hosts.",
      cell: ({ spec }) => spec.asNumber,
    },
    {
      name: "Mesh",
      type: "boolean",
      description: "Hosts have sessions with each other.",
      cell: ({ spec }) => spec.mesh?.enabled ?? bgpDefaults.mesh.enabled,
    },
  ],
  selectable: [],
  check: ({ spec }) => communityFaults(spec.communities, "spec.communities"),
});

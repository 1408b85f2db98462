/** Ports: a workload's place on a network. */
import { defineKind } from "../kind.ts";
import type { ApiObject, Condition, Fault } from "../object.ts";
import { flag, integer, keyedList, list, object, text, type Value } from "../schema.ts";
import { conditionStatus, conditions } from "./fields.ts";

const l4Port = (description: string) => integer(description, { minimum: 1, maximum: 65535 });
const epoch = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

const spec = object("Who is attached to what, with which addresses.", {
  network: text("The network: a name of the same namespace, or namespace/name of a shared one.", {
    format: "reference",
    required: true,
    immutable: true,
  }),
  type: text("What is attached.", {
    enum: ["container", "vm", "baremetal", "host"],
    default: "container",
    immutable: true,
  }),
  host: text("The host that it is on; unless set, the one that attaches it.", { format: "name" }),
  joins: text(
    "container: a port of this namespace and network, whose namespace, links and addresses it shares.",
    { format: "name", immutable: true },
  ),
  fixedIps: list(
    "Addresses that it must have; unless set, one of each of the network's subnets.",
    object("An address, or a subnet to take one of.", {
      subnet: text("The subnet; the one that holds the address unless set.", { format: "name" }),
      address: text("The address; any free one of the subnet unless set.", { format: "ip" }),
    }),
  ),
  mac: text("The hardware address; one is made up unless set.", { format: "mac" }),
  identity: text(
    "Who the workload is in its namespace: the same identity gets the same address of a sticky pool.",
    { maxLength: 253 },
  ),
  publish: list(
    "Ports of the host that lead to it.",
    object("One of them.", {
      hostPort: l4Port("On the host."),
      containerPort: l4Port("Of the workload."),
      protocol: text("Transport protocol.", { enum: ["tcp", "udp", "sctp"], default: "tcp" }),
      hostIp: text("On this address of the host alone.", { format: "ip" }),
    }),
  ),
  tap: object("vm: the tap device that the virtual machine opens.", {
    name: text("Its name on the host; one is made up unless set.", { format: "link" }),
    owner: integer("User ID that may open it.", { minimum: 0, maximum: 0xffff_fffe }),
    group: integer("Group ID that may open it.", { minimum: 0, maximum: 0xffff_fffe }),
    multiQueue: flag("The device has several queues.", { default: false }),
  }),
  device: text("baremetal: the host's physical link that the machine is behind.", {
    format: "link",
  }),
});

const status = object("What it has.", {
  addresses: list(
    "Its addresses.",
    object("One of them.", {
      address: text("The address.", { format: "ip", required: true }),
      subnet: text("Of which subnet; absent: the host's own, or those of the port that it joins.", {
        format: "name",
      }),
      claimed: flag("The control plane holds it for the port, and no host gives or frees it."),
    }),
  ),
  reservedAddresses: integer(
    "How many addresses quotas count it for before it has them; 1 unless set.",
    {
      minimum: 0,
      maximum: 1_000_000,
    },
  ),
  wantedAddresses: list(
    "Subnets of which its host has no address for it: the control plane is to get it one.",
    text("A subnet's name.", { format: "name" }),
  ),
  mac: text("Its hardware address.", { format: "mac" }),
  bindings: keyedList(
    "Hosts that have it. When it moves, the higher epoch counts.",
    ["host"],
    object("One of them.", {
      host: text("The host.", { format: "name", required: true }),
      epoch: integer("Grows with each move.", { ...epoch, required: true }),
      active: flag("It is attached there.", { required: true }),
    }),
  ),
  attachment: object("Where it is attached.", {
    containerId: text("The runtime's ID of the container."),
    ifName: text("The link's name inside.", { format: "link" }),
    netns: text("Path of the namespace on its host.", { maxLength: 4096 }),
    hostLink: text("The host's end.", { format: "link" }),
  }),
  conditions,
});

type Spec = Value<typeof spec>;

interface Checked {
  readonly metadata: { readonly name: string };
  readonly spec: Spec;
}

function check({ metadata, spec }: Checked): Fault[] {
  const faults: Fault[] = [];
  const fault = (path: string, reason: Fault["reason"], message: string) =>
    faults.push({ path: `spec.${path}`, reason, message });
  spec.fixedIps?.forEach(({ subnet, address }, i) => {
    if (subnet === undefined && address === undefined) {
      fault(`fixedIps[${i}]`, "FieldValueRequired", "must name a subnet, an address, or both");
    }
    // Which subnet an address alone is of is not to be known here.
    const isOneOf = (before: { readonly subnet?: string; readonly address?: string }) =>
      (subnet !== undefined && before.subnet === subnet) ||
      (address !== undefined && before.address === address);
    if (spec.fixedIps!.slice(0, i).some(isOneOf)) {
      fault(`fixedIps[${i}]`, "FieldValueInvalid", "a port has one address of each subnet");
    }
  });
  spec.publish?.forEach(({ hostPort, containerPort, protocol, hostIp }, i) => {
    if (hostPort === undefined || containerPort === undefined) {
      fault(`publish[${i}]`, "FieldValueRequired", "must name hostPort and containerPort");
    }
    const same = spec
      .publish!.slice(0, i)
      .findIndex(
        (before) =>
          before.hostPort === hostPort &&
          before.protocol === protocol &&
          (before.hostIp === hostIp || before.hostIp === undefined || hostIp === undefined),
      );
    if (same >= 0 && hostPort !== undefined) {
      fault(`publish[${i}]`, "FieldValueDuplicate", `publish[${same}] leads from ${hostPort} too`);
    }
  });
  if (spec.tap && spec.type !== "vm") {
    fault("tap", "FieldValueForbidden", `goes with type "vm" only, not "${spec.type}"`);
  }
  if (spec.device !== undefined && spec.type !== "baremetal") {
    fault("device", "FieldValueForbidden", `goes with type "baremetal" only, not "${spec.type}"`);
  }
  if (spec.joins !== undefined) {
    if (spec.type !== "container") {
      fault("joins", "FieldValueForbidden", `goes with type "container" only, not "${spec.type}"`);
    }
    const values: Readonly<Record<string, unknown>> = spec;
    for (const name of ofItsOwn.filter((one) => values[one] !== undefined)) {
      fault(name, "FieldValueForbidden", "does not go with joins: it has what that port has");
    }
    if (spec.joins === metadata.name) fault("joins", "FieldValueInvalid", "names the port itself");
  }
  return faults;
}

/** What a port that joins another has none of. */
const ofItsOwn = ["fixedIps", "mac", "identity", "publish"] as const;

/** Namespace and name of a port's network. */
export function networkOfPort(
  spec: Pick<Spec, "network">,
  namespace: string,
): { readonly namespace: string; readonly name: string } {
  const [first, second] = spec.network.split("/");
  return second === undefined ? { namespace, name: first! } : { namespace: first!, name: second };
}

const isGoing = ({ metadata }: { readonly metadata: { readonly deletionTimestamp?: string } }) =>
  metadata.deletionTimestamp !== undefined;

type Given = NonNullable<Value<typeof status>["addresses"]>[number];

/** Addresses that the control plane holds for a port; of one without a host, all. */
export const claimedAddresses = ({
  spec,
  status,
}: {
  readonly spec: Pick<Spec, "host">;
  readonly status?: { readonly addresses?: readonly Given[] };
}): readonly Given[] =>
  (status?.addresses ?? []).filter(
    ({ subnet, claimed }) => subnet !== undefined && (claimed || spec.host === undefined),
  );
/** The port's identity among all: nobody gets what is kept for one of another namespace. */
export function identityOf({ metadata, spec }: ApiObject<Spec>): string | undefined {
  return spec.identity === undefined ? undefined : `${metadata.namespace}/${spec.identity}`;
}

/** The condition that says why a port does not have its addresses. */
export const addressedCondition = "Addressed";

/** What it says; undefined: nothing is amiss that is known. */
export const addressTrouble = (port: WithConditions | undefined): string | undefined =>
  port?.status?.conditions?.find(
    ({ type, status }) => type === addressedCondition && status === "False",
  )?.message;

interface WithConditions {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** On ports that an agent made: they go with their container. */
export const madeBy = "netloom.dev/made-by";

export const portKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "Port",
  plural: "ports",
  singular: "port",
  shortNames: ["po"],
  namespaced: true,
  description: "A workload's place on a network.",
  spec,
  status,
  columns: [
    {
      name: "Network",
      type: "string",
      description: "What it is attached to.",
      cell: ({ spec }) => spec.network,
    },
    {
      name: "Addresses",
      type: "string",
      description: "Its addresses.",
      cell: ({ status }) => status?.addresses?.map(({ address }) => address).join(","),
    },
    {
      name: "Host",
      type: "string",
      description: "The host that it is on.",
      cell: ({ spec, status }) => status?.bindings?.find(({ active }) => active)?.host ?? spec.host,
    },
    {
      name: "Ready",
      type: "string",
      description: "Whether it is attached; Terminating while it waits for its host to detach it.",
      cell: (port) => (isGoing(port) ? "Terminating" : conditionStatus(port, "Ready")),
    },
    {
      name: "Type",
      type: "string",
      description: "What is attached.",
      wide: true,
      cell: ({ spec }) => spec.type,
    },
    {
      name: "MAC",
      type: "string",
      description: "Its hardware address.",
      wide: true,
      cell: ({ spec, status }) => status?.mac ?? spec.mac,
    },
    {
      name: "Container",
      type: "string",
      description: "The runtime's ID of the container.",
      wide: true,
      cell: ({ status }) => status?.attachment?.containerId,
    },
  ],
  selectable: ["spec.network", "spec.host", "spec.type"],
  check,
  references: ({ metadata, spec }) => {
    const network = networkOfPort(spec, metadata.namespace ?? "");
    return [{ path: "spec.network", kind: "Network", ...network }];
  },
});

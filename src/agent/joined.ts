/**
 * Ports that join another: their container runs in that port's namespace, with its links and
 * addresses, as a runtime's mode `container:…` has it. Nothing is made for them.
 */
import { CniError, cniCodes } from "../cni/errors.ts";
import type { Call, Plugin } from "../cni/plugin.ts";
import type { Result } from "../cni/types.ts";
import { portIps } from "./addresses/layout.ts";
import type { Agent } from "./agent.ts";
import { type PortRecord, withNotCurrent } from "./port-records.ts";
import type { Target } from "./target.ts";

type Joining = Pick<PortRecord, "port" | "joins">;

/** The attachment of the port that this one joins, if it is here. */
export function joinedBy(
  { records }: Pick<Agent, "records">,
  { port, joins }: Joining,
): PortRecord | undefined {
  if (joins === undefined) return undefined;
  const isJoined = (other: PortRecord) =>
    other.stage === "attached" &&
    other.port.namespace === port.namespace &&
    other.port.name === joins;
  return records.here().find(isJoined);
}

/** They count as the other port's. */
export const addressesToo = ({ addresses }: PortRecord): PortRecord["addresses"] =>
  addresses.map(({ address }) => ({ address }));

/** The plugin of such a port. */
export function joining(agent: Agent, target: Target): Plugin {
  const place = (call: Call) => sharedPlace(agent, target, call.netns!);
  return {
    type: "netloom",
    async add(call) {
      return resultOf(await place(call), target, call.netns!);
    },
    async check(call) {
      await place(call);
    },
    del() {},
    gc() {},
    status() {},
  };
}

/** Throws CniError: 11 where the other port is not attached here, 7 where it is somewhere else. */
async function sharedPlace(
  agent: Agent,
  { names, port }: Target,
  netns: string,
): Promise<PortRecord> {
  const { namespace, name } = names.port;
  const joins = port!.spec.joins!;
  const joined = joinedBy(agent, { port: names.port, joins });
  const what = `Port "${namespace}/${name}" joins "${joins}"`;
  if (!joined) {
    throw new CniError(
      cniCodes.tryLater,
      `${what}, which is not attached on host "${agent.host}": attach that first`,
    );
  }
  const { network } = joined;
  if (network.namespace !== names.network.namespace || network.name !== names.network.name) {
    throw new CniError(
      cniCodes.config,
      `${what}, which is on network "${network.namespace}/${network.name}": name that network`,
    );
  }
  const isSame = await agent.engine.run(
    ({ session }) =>
      session.isThere(joined.netns) &&
      session.namespace(netns).cookie === session.namespace(joined.netns).cookie,
  );
  if (isSame) return joined;
  throw new CniError(
    cniCodes.config,
    `${what}, and its container is in another namespace: start it in that of "${joins}", ` +
      `${joined.netns} (podman and docker: --network container:…)`,
  );
}

function resultOf(joined: PortRecord, { subnets }: Target, sandbox: string): Result {
  const { ifName, mac, addresses } = joined;
  const given = addresses.flatMap(({ address, subnet: name }) => {
    const subnet = subnets.find(({ metadata }) => metadata.name === name);
    return subnet ? [{ address, subnet }] : [];
  });
  return {
    interfaces: [{ name: ifName, ...(mac !== undefined && { mac }), sandbox }],
    ips: portIps(given, false).map((ip) => ({ ...ip, interface: 0 })),
    routes: [],
    dns: {},
  };
}

/** The record with the other port's addresses as they are now. */
export function followJoined(agent: Agent, record: PortRecord): PortRecord {
  const joined = joinedBy(agent, record);
  if (joined) return { ...withNotCurrent(record, undefined), addresses: addressesToo(joined) };
  const message = `Port "${record.joins}", which it joins, is not attached any more: detach this too`;
  return withNotCurrent(record, { reason: "JoinedGone", message });
}

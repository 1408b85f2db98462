/** Ports of networks of type `host`: what the host has is theirs, and is told as it changes. */
import type { Agent } from "./agent.ts";
import type { PortRecord } from "./port-records.ts";
import { hostAddresses } from "./report/host-addresses.ts";

/** Throws NetlinkError. */
export async function addressesOfHost({ engine, spec, host }: Agent) {
  const { addresses } = await hostAddresses(engine, spec.host(host)?.spec.addresses);
  return addresses.map((address) => ({ address }));
}

const textOf = (addresses: PortRecord["addresses"]) =>
  addresses.map(({ address }) => address).join();

/** Notes them where they are others than were told. Throws NetlinkError, AggregateError. */
export async function noteHostAddresses(agent: Agent): Promise<void> {
  const { records, spec, aside } = agent;
  const isHosts = ({ network, stage }: PortRecord) =>
    stage === "attached" && spec.network(network)?.spec.type === "host";
  const ports = records.here().filter(isHosts);
  if (ports.length === 0) return;
  const addresses = await addressesOfHost(agent);
  const ids = ports.map(({ id }) => id);
  await aside.forEach("host's addresses", ids, async (id) => {
    // It may have gone meanwhile.
    const record = records.get(id);
    if (record?.stage !== "attached" || textOf(record.addresses) === textOf(addresses)) return;
    records.write({ ...record, addresses, reported: false });
    agent.changed();
  });
}

/** Shows how full subnets are, and who has which address. */
import { networkOfPort, portKind } from "../../api/kinds/port.ts";
import { countOrMore, subnetKind } from "../../api/kinds/subnet.ts";
import { ipToBytes } from "../../lib/ip.ts";
import { gatewayOf, serviceAddressOf } from "../../model/kept-addresses.ts";
import type { Call } from "../command.ts";
import type { ipamFlags } from "../commands/ipam.ts";
import { type Api, apiOf } from "../connection/api.ts";
import { single, UsageError } from "../options.ts";
import { layOut } from "../output/cells.ts";
import { formatOf, printed } from "../output/format.ts";
import { inSight, portsElsewhere } from "./in-sight.ts";
import { targetsOf } from "./targets.ts";

export async function ipamShow(call: Call<typeof ipamFlags>): Promise<number> {
  const { line, surroundings } = call;
  const [word, ...others] = line.operands;
  if (others.length > 0) throw new UsageError("Name one subnet: netloom ipam show SUBNET");
  const format = formatOf(single(line, "output"));
  if (format.as === "name") throw new UsageError("Option -o is json, yaml or jsonpath= here");
  const api = apiOf(call);
  const all = line.options["all-namespaces"] !== undefined;
  const rows = word === undefined ? await subnetRows(api, all) : await addressRows(call, api, word);
  if (format.as !== "table") surroundings.terminal.out(printed(format, { items: rows }));
  else if (rows.length === 0) {
    surroundings.terminal.note("No subnets");
  } else {
    const names = Object.keys(rows[0]!);
    const header = names.map((name) => surroundings.terminal.paint("bold", name.toUpperCase()));
    const cells = rows.map((row) => names.map((name) => cellOf(row[name])));
    surroundings.terminal.out(`${layOut([header, ...cells]).join("\n")}\n`);
  }
  return 0;
}

const cellOf = (value: Row[string] = "<none>"): string => String(value);

type Row = Readonly<Record<string, string | number | undefined>>;

async function subnetRows(api: Api, all: boolean): Promise<Row[]> {
  const namespace = all ? undefined : api.namespace;
  const { items } = await api.client.of(subnetKind).list({ namespace });
  return items.map(({ metadata, spec, status }) => {
    const { addresses = 0, allocated = 0, blocks = 0 } = status ?? {};
    const count = countOrMore(addresses);
    return {
      ...(all && { namespace: metadata.namespace }),
      subnet: metadata.name,
      network: spec.network,
      cidr: spec.cidr,
      addresses: count,
      used: allocated,
      free: typeof count === "string" ? count : Math.max(0, count - allocated),
      full: addresses === 0 ? "-" : `${Math.round((allocated / addresses) * 100)}%`,
      blocks,
    };
  });
}

/** Ports that have an address of the subnet, and the addresses that nobody gets. */
async function addressRows(
  { surroundings }: Call<typeof ipamFlags>,
  api: Api,
  word: string,
): Promise<Row[]> {
  const name = targetsOf(word.includes("/") ? [word] : ["subnet", word])[0]!.name!;
  const subnet = await api.client.of(subnetKind).get({ namespace: api.namespace, name });
  const { found, isPart } = await inSight(api.namespace, (namespace) =>
    api.client.of(portKind).list({ namespace }),
  );
  if (isPart) surroundings.terminal.note(portsElsewhere);
  const home = { namespace: api.namespace, name: subnet.spec.network };
  const ports = found.items.filter(({ metadata, spec }) => {
    const network = networkOfPort(spec, metadata.namespace ?? "");
    return network.namespace === home.namespace && network.name === home.name;
  });
  const taken = ports.flatMap(({ metadata, spec, status }) =>
    (status?.addresses ?? [])
      .filter((each) => each.subnet === name)
      .map(({ address }) => ({
        address,
        owner: `port ${metadata.namespace}/${metadata.name}`,
        host: status?.bindings?.find(({ active }) => active)?.host ?? spec.host,
      })),
  );
  const { spec } = subnet;
  const kept = [
    { address: gatewayOf(spec), owner: "gateway", host: undefined },
    { address: serviceAddressOf(spec), owner: "service", host: undefined },
    ...(spec.reserved ?? []).map((address) => ({ address, owner: "reserved", host: undefined })),
  ];
  return [...kept, ...taken].sort((a, b) => compare(a.address, b.address));
}

function compare(a: string, b: string): number {
  const [first, second] = [ipToBytes(a), ipToBytes(b)];
  return first.length - second.length || Buffer.compare(first, second);
}

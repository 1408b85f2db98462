/** Tells all of an object for people: its fields, its conditions, and what belongs to it. */
import { pathOf } from "../../api/client/requests.ts";
import type { Subnet } from "../../api/kinds/index.ts";
import { networkKind } from "../../api/kinds/network.ts";
import { portKind } from "../../api/kinds/port.ts";
import { countOrMore, subnetKind } from "../../api/kinds/subnet.ts";
import { gatewayOf, serviceAddressOf } from "../../model/kept-addresses.ts";
import type { Call } from "../command.ts";
import type { describeFlags } from "../commands/describe.ts";
import { type Api, apiOf, type Place, type Query } from "../connection/api.ts";
import { complete } from "../output/format.ts";
import { TablePrinter, tableAccept, tableFrom } from "../output/table.ts";
import type { Surroundings } from "../surroundings.ts";
import { described } from "./described.ts";
import { inSight, portsElsewhere } from "./in-sight.ts";
import { type Selected, selected } from "./selection.ts";
import { forEach } from "./send.ts";

export async function describe(call: Call<typeof describeFlags>): Promise<number> {
  const { line, surroundings } = call;
  const api = apiOf(call);
  // A kind alone means all of it.
  const isBare = line.operands.length === 1 && !line.operands[0]!.includes("/");
  const options = isBare ? { ...line.options, all: ["true"] } : line.options;
  const places = await selected({ ...line, options }, api, surroundings);
  if (places.length === 0) surroundings.terminal.note("No objects");
  let isFirst = true;
  let isPart = false;
  await forEach(places, async (place) => {
    const object = complete(place.kind, await api.client.of(place.kind).get(place));
    surroundings.terminal.out(`${isFirst ? "" : "\n\n"}${described(inFull(object), surroundings)}`);
    isFirst = false;
    isPart = (await tellRelated(api, place, surroundings)) || isPart;
  });
  if (isPart) surroundings.terminal.note(portsElsewhere);
  return 0;
}

/** With what counts though the object does not say it. */
function inFull(object: object): object {
  const { kind, spec, status } = object as Subnet & { readonly kind: string };
  if (kind !== subnetKind.kind) return object;
  const { network, cidr, ...more } = spec;
  const kept = { gateway: gatewayOf(spec), serviceAddress: serviceAddressOf(spec) };
  const addresses = status?.addresses;
  return {
    ...object,
    spec: { network, cidr, ...more, ...kept },
    status: { ...status, ...(addresses !== undefined && { addresses: countOrMore(addresses) }) },
  };
}

/** What belongs to an object. */
interface Related {
  readonly title: string;
  readonly place: Place;
  readonly query?: Query;
  /** Only rows whose cell in this column is so. */
  readonly only?: readonly [column: string, cell: string];
  /** Not told of where there is none. */
  readonly isExtra?: true;
}

/** Kind → what belongs to its objects. */
const related: Readonly<Record<string, (place: Selected) => readonly Related[]>> = {
  Network: ({ namespace, name }) => [
    { title: "Subnets", place: { kind: subnetKind, namespace }, query: onNetwork(name) },
    { title: "Ports", place: { kind: portKind, namespace }, query: onNetwork(name) },
    {
      title: "Ports that name its namespace",
      place: { kind: portKind },
      query: onNetwork(`${namespace}/${name}`),
      isExtra: true,
    },
  ],
  Host: ({ name }) => [{ title: "Ports", place: { kind: portKind }, only: ["Host", name] }],
  Namespace: ({ name }) => [
    { title: "Networks", place: { kind: networkKind, namespace: name } },
    { title: "Ports", place: { kind: portKind, namespace: name } },
  ],
};

const onNetwork = (network: string): Query => ({ fieldSelector: `spec.network=${network}` });

/** So many are shown, unless they are picked here. */
const mostRows = 50;

/** Gives whether ports of other namespaces are left out. */
async function tellRelated(
  api: Api,
  place: Selected,
  { terminal, now }: Pick<Surroundings, "terminal" | "now">,
): Promise<boolean> {
  let isAnyPart = false;
  for (const { title, place: where, query, only, isExtra } of related[place.kind.kind]?.(place) ??
    []) {
    const asked = { accept: tableAccept, query: { ...query, limit: only ? undefined : mostRows } };
    const list = (namespace?: string) => api.client.json(pathOf(where.kind, { namespace }), asked);
    const { found, isPart } =
      where.namespace === undefined
        ? await inSight(place.namespace ?? api.namespace, list)
        : { found: await list(where.namespace), isPart: false };
    isAnyPart ||= isPart;
    const answer = tableFrom(where.kind, found, now());
    const at = answer.columnDefinitions?.findIndex(({ name }) => name === only?.[0]) ?? -1;
    const rows = (answer.rows ?? []).filter(({ cells }) => !only || cells[at] === only[1]);
    if (rows.length === 0) {
      if (!isExtra) terminal.out(`${title}:  <none>\n`);
      continue;
    }
    terminal.out(`${title}:\n`);
    const out = (text: string) => terminal.out(text.replace(/^(?=.)/gm, "  "));
    const withNamespace = where.kind.namespaced && where.namespace === undefined;
    const options = { wide: false, withNamespace, withHeader: true };
    new TablePrinter({ ...terminal, out }, options).print({ ...answer, rows });
    if (answer.metadata?.continue) terminal.out("  … and more\n");
  }
  return isAnyPart;
}

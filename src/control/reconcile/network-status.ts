/** Networks: their subnets, how many ports they have, and whether ports can be attached. */
import type { Network, Port } from "../../api/kinds/index.ts";
import { networkOfPort } from "../../api/kinds/port.ts";
import { hasVni } from "../../model/encapsulation.ts";
import { keyOf, keyOfReferrer, prefixOf, referrersPrefix } from "../objects/keys.ts";
import { type Told, withCondition } from "./condition.ts";
import { find, kindOf, nameOf, type Reconciler, type Touch, writeStatus } from "./reconciler.ts";

export const networkStatus: Reconciler = {
  name: "network-status",
  pauseMs: 500,
  touched: ({ plural, object, previous }: Touch) => {
    const one = object ?? previous!;
    const { namespace = "" } = one.metadata;
    if (plural === "networks") return object ? [nameOf(one)] : [];
    if (plural === "subnets")
      return isNews({ object, previous }) ? [`${namespace}/${one.spec.network}`] : [];
    if (plural !== "ports" || !isNews({ object, previous })) return [];
    const network = networkOfPort((one as Port).spec, namespace);
    return [`${network.namespace}/${network.name}`];
  },
  async run(context, what) {
    const network = await find<Network>(context, "Network", what);
    if (!network) return undefined;
    const { entries } = await context.objects.store.list(
      referrersPrefix(keyOf(kindOf("Network"), network.metadata)),
    );
    const keys = entries.map(({ key }) => keyOfReferrer(key));
    const of = (kind: string) => keys.filter((key) => key.startsWith(prefixOf(kindOf(kind))));
    const subnets = of("Subnet").map((key) => key.slice(key.lastIndexOf("/") + 1));
    await writeStatus(context, network, ({ metadata, status }) => ({
      ...status,
      subnets,
      ports: of("Port").length,
      conditions: withCondition(
        status?.conditions,
        readiness({ spec: network.spec, status }, subnets),
        {
          now: context.objects.now(),
          generation: metadata.generation,
        },
      ),
    }));
    return undefined;
  },
};

/** What changes within an object is no news to what it stands on. */
const isNews = ({ object, previous }: Pick<Touch, "object" | "previous">) => !object || !previous;

/** Types whose ports get no addresses of ours. */
const withoutAddresses: readonly string[] = ["host", "none"];

function readiness(
  { spec, status }: Pick<Network, "spec" | "status">,
  subnets: readonly string[],
): Told {
  if (hasVni(spec) && status?.vni === undefined) {
    const message = "The control plane is about to give it a VXLAN identifier";
    return { type: "Ready", status: "False", reason: "NoVni", message };
  }
  if (subnets.length > 0 || withoutAddresses.includes(spec.type)) {
    const message = "Ports can be attached";
    return { type: "Ready", status: "True", reason: "Usable", message };
  }
  const message = "It has no subnet, so ports get no addresses: create one";
  return { type: "Ready", status: "False", reason: "NoSubnet", message };
}

/** Whether a right reaches this very object: what paths and verbs alone can't say. Pure. */
import { equalJson } from "../../api/json.ts";
import type { Grant, Host, IPBlock, Port, Token } from "../../api/kinds/index.ts";
import { madeBy } from "../../api/kinds/port.ts";
import type { ApiObject } from "../../api/object.ts";
import type { Affected, Attributes, Decision } from "../http/access.ts";
import { refusalOf } from "./allowance.ts";
import { allows, covers, type Right, type Tenancy } from "./authorize.ts";
import type { Role } from "./roles.ts";

const yes: Decision = { allowed: true };
const no = (reason: string): Decision => ({ allowed: false, reason });

interface Asked {
  readonly attributes: Attributes;
  readonly affected: Affected;
}

/** Whether the rights allow it of this object. */
export function admits(rights: readonly Right[], asked: Asked, tenancy: Tenancy): Decision {
  const { attributes } = asked;
  const { resource } = attributes;
  if (resource === "grants" || resource === "tokens") {
    const escalation = refuseMore(rights, asked);
    if (escalation) return escalation;
  }
  const reasons = rights
    .filter((right) => allows(right, attributes, tenancy))
    .map((right) => reach(right, asked, tenancy));
  return reasons.find(({ allowed }) => allowed) ?? reasons[0] ?? no("no grant reaches it");
}

function reach(right: Right, { attributes, affected }: Asked, tenancy: Tenancy): Decision {
  const { resource, verb, subresource } = attributes;
  if (right.role === "host") {
    const rule = ofHosts[resource];
    return rule ? rule(right.host!, { verb, subresource, ...affected }) : no("it is no agent's");
  }
  if (right.tenant === undefined) return yes;
  const isNaming = resource === "grants" || resource === "tokens";
  if (!isNaming) {
    const tenant = { name: right.tenant, allowed: tenancy.allowedOf(right.tenant) };
    const refusal = refusalOf(tenant, affected);
    return refusal === undefined ? yes : no(refusal);
  }
  const isTheirs = [affected.old, affected.next].every(
    (object) => object === undefined || tenantIn(object) === right.tenant,
  );
  return isTheirs ? yes : no(`it is not of tenant "${right.tenant}" alone`);
}

const tenantIn = (object: ApiObject) => (object as Grant | Token).spec.tenant;

/** Nobody grants more than he has, nor makes a token that counts for more. */
function refuseMore(rights: readonly Right[], { attributes, affected }: Asked) {
  const { next } = affected;
  if (!next || attributes.verb === "get" || attributes.verb === "delete") return undefined;
  const wanted =
    attributes.resource === "grants" ? grantedBy(next as Grant) : tokenFor(next as Token);
  return covers(rights, wanted) ? undefined : no("it would give more than you have");
}

const grantedBy = ({ spec }: Grant): Right => ({
  role: spec.role,
  ...(spec.tenant !== undefined && { tenant: spec.tenant }),
  ...(spec.host !== undefined && { host: spec.host }),
});

/** At most this much: a token may count for all that its user will ever be granted. */
const tokenFor = ({ spec }: Token): Right => ({
  role: (spec.role as Role | undefined) ?? "admin",
  ...(spec.tenant !== undefined && { tenant: spec.tenant }),
});

interface Doing extends Affected {
  readonly verb: string;
  readonly subresource?: string;
}
type Rule = (host: string, doing: Doing) => Decision;

/** What an agent does to objects of its own, by resource. */
const ofHosts: Readonly<Record<string, Rule>> = {
  hosts: (host, { old, next }) => {
    const object = (next ?? old) as Host;
    if (object.metadata.name !== host) return no(`it is not host "${host}"`);
    // Labels choose a host's networks and pools: that is not for its agent to say.
    if (!old && object.metadata.labels) return no("an agent gives its host no labels");
    return old || !object.spec.prefixes ? yes : no("an agent gives its host no prefixes");
  },
  ipblocks: (host, { old }) =>
    (old as IPBlock | undefined)?.spec.host === host ? yes : no(`it is not leased to "${host}"`),
  ports: (host, doing) => {
    const port = (doing.old ?? doing.next) as Port;
    const isHere = port.spec.host === host;
    const other = no(`the port is not on host "${host}"`);
    if (doing.verb === "create") return isHere ? yes : other;
    if (doing.verb === "delete") return isHere && isMade(port) ? yes : no("no agent made it");
    const mayCome = isHere || port.spec.host === undefined || isBound(port, host);
    if (!mayCome) return other;
    if (doing.verb === "get" || !doing.next) return yes;
    return statusDecision(host, port, doing.next as Port);
  },
};

const isMade = ({ metadata }: Port) => metadata.labels?.[madeBy] === "agent";
const bindingsOf = (port: Port) => port.status?.bindings ?? [];
const isBound = (port: Port, host: string) => bindingsOf(port).some((each) => each.host === host);

function statusDecision(host: string, old: Port, next: Port): Decision {
  if (!equalJson(othersOf(old, host), othersOf(next, host))) {
    return no(`bindings of other hosts are not host "${host}"'s to change`);
  }
  const isElsewhere = old.spec.host !== undefined && old.spec.host !== host;
  const own = bindingsOf(next).find((binding) => binding.host === host);
  // A port that moved away: its earlier host may only say that it is no more there.
  const isTaken =
    own?.active ||
    !equalJson(old.status?.addresses, next.status?.addresses) ||
    old.status?.mac !== next.status?.mac;
  return isElsewhere && isTaken ? no(`the port is on host "${old.spec.host}" now`) : yes;
}

/** Bindings of other hosts, in an order of their own. */
const othersOf = (port: Port, host: string) =>
  bindingsOf(port)
    .filter((binding) => binding.host !== host)
    .sort((a, b) => (a.host < b.host ? -1 : 1));

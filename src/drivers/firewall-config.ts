/** The `firewall` plugin's configuration. */
import { ConfigError } from "../model/config-error.ts";
import { object, oneOf, optional, text, unlessEmpty } from "../model/parse.ts";
import { adminPrefix, sharedAdminChain } from "./skeleton.ts";

const policies = ["open", "same-bridge", "isolated"] as const;

/** Who may open connections to the container through the host. */
export type IngressPolicy = (typeof policies)[number];

/** What a configuration may say. */
export const firewallKeys = [
  "backend",
  "iptablesAdminChainName",
  "firewalldZone",
  "ingressPolicy",
] as const;

const fields = object({
  backend: optional(text),
  iptablesAdminChainName: unlessEmpty(text),
  firewalldZone: optional(text),
  ingressPolicy: unlessEmpty(oneOf(...policies)),
});

export interface FirewallConfig {
  readonly policy: IngressPolicy;
  /** The administrator's chain, if it is not the one that all share. */
  readonly adminChain?: string;
}

/** In a table of ours, beside chains of ours: a prefix keeps them apart. */
function adminChain(name: string): string {
  return `${adminPrefix}${name.replaceAll(/[^A-Za-z0-9_.-]/g, "_")}`;
}

/** As iptables has it: bytes of a chain's name, its targets and its own chains. */
const mostBytes = 28;
const taken = new Set("ACCEPT DROP RETURN QUEUE REJECT LOG INPUT FORWARD OUTPUT".split(" "));

/**
 * Reads a configuration. `backend` and `firewalldZone` choose between ways of the reference; ours
 * is one and the same, so they are checked and have no effect. Throws ConfigError.
 */
export function parseFirewallConfig(raw: Readonly<Record<string, unknown>>): FirewallConfig {
  const { iptablesAdminChainName: name = "CNI-ADMIN", ingressPolicy } = fields(raw, "");
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > mostBytes || taken.has(name) || /^[-!]|\s/.test(name)) {
    throw new ConfigError(
      "iptablesAdminChainName",
      `"${name}" is no name for a chain: 1 to ${mostBytes} bytes, without spaces, ` +
        "not one of iptables' own targets and chains",
    );
  }
  const chain = adminChain(name);
  const policy = ingressPolicy ?? "open";
  return chain === sharedAdminChain ? { policy } : { policy, adminChain: chain };
}

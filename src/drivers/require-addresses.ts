/** Types whose links are of no use without addresses. */
import { ConfigError } from "../model/config-error.ts";
import type { Port } from "../model/port.ts";

/** The port, which has addresses. Throws ConfigError where it has none. */
export function requireAddresses(port: Port): Port {
  if (port.ips.length > 0) return port;
  throw new ConfigError("ipam", 'missing: name a plugin that gives addresses, as "host-local"');
}

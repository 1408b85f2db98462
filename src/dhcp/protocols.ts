/** The protocols that the daemon speaks. */
import type { AnyProtocol } from "./daemon/client.ts";
import { dhcpV4 } from "./v4/protocol.ts";
import { dhcpV6 } from "./v6/protocol.ts";

export const protocols: readonly AnyProtocol[] = [dhcpV4, dhcpV6];

/** For tests: a process that attaches one container and ends. Its argument says which, as JSON. */
import { bridge } from "../drivers/bridge.ts";
import { examAddresses } from "../drivers/conformance.ts";
import { attach } from "./attach.ts";
import { KernelSession } from "./kernel-session.ts";

const { host, netns, containerId, ifName, paths, n } = JSON.parse(process.argv[2]!);
const { ips, gateways } = examAddresses(n + 1);
using session = new KernelSession(host);
await attach(
  { session, paths },
  {
    containerId,
    ifName,
    network: "blue",
    netns,
    maker: "bridge",
    driver: bridge,
    config: bridge.parse({ isGateway: true, ipMasq: true }),
    allocation: { ips: ips.map((address, i) => ({ address, gateway: gateways[i]! })), routes: [] },
  },
);

/** A private host whose link `uplink` leads to a LAN, and a network of containers on that link. */
import { Attachment, makeContainers, type Network } from "../host/attachment.ts";
import { client, PrivateHost, uplink } from "../host/private-host.ts";
import { ourDir } from "../support/reference.ts";

/** The LAN's router and only other machine. */
export const lan = client;
/** The host's own link and addresses. */
export const own = uplink;

/** Containers get addresses of the LAN from 198.51.100.64 and 2001:db8:1::40 on. */
export function uplinkNetwork(more: Readonly<Record<string, unknown>> = {}): Network {
  return {
    name: "lan",
    bridge: "lan0",
    plugins: [
      {
        type: "bridge",
        bridge: "lan0",
        uplink: own.name,
        ipam: {
          type: "host-local",
          ranges: [
            [{ subnet: "198.51.100.0/24", rangeStart: "198.51.100.64", gateway: lan.ipv4 }],
            [{ subnet: "2001:db8:1::/64", rangeStart: "2001:db8:1::40", gateway: lan.ipv6 }],
          ],
          routes: [
            { dst: "0.0.0.0/0", gw: lan.ipv4 },
            { dst: "::/0", gw: lan.ipv6 },
          ],
        },
        ...more,
      },
    ],
  };
}

/** A private host with our plugins and namespaces for containers. */
export async function uplinkHost(containers: readonly string[]): Promise<PrivateHost> {
  const host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  await makeContainers(host, containers);
  return host;
}

export const attachment = (host: PrivateHost, id: string, network: Network = uplinkNetwork()) =>
  new Attachment(host, network, id);

/**
 * Everything that a link carries, as `ip` tells it, sorted. What was learnt of neighbours is left
 * out, and so is what the kernel numbers.
 */
export async function carriedBy(host: PrivateHost, link: string): Promise<string[]> {
  const script = `
    ip -d -o addr show dev ${link} | sed 's/^[0-9]*: //; s/\\\\.*lft/ lft/; s/[0-9]*sec/SEC/g'
    ip -o addr show dev ${link} | sed 's/.*valid_lft/valid_lft/; s/[0-9]*sec/SEC/g'
    for v in -4 -6; do ip -d -o $v route show table all dev ${link} | sed 's/expires [0-9]*sec/expires/'; done
    for v in -4 -6; do ip $v route show table all | grep -A9 '^[^ ].*$' | grep "nexthop.*${link}"; done
    for v in -4 -6; do ip $v rule show | grep "${link}"; done
    ip neigh show dev ${link} nud permanent; ip neigh show proxy dev ${link}
    ip -j -d link show ${link} | sed 's/.*"inet6_addr_gen_mode":"\\([a-z0-9]*\\)".*/mode \\1/'
    true`;
  const text = await host.run(["sh", "-c", script]);
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .sort();
}

/** Whether each of these addresses answers to a ping from the namespace, or from the host. */
export async function unreached(
  host: PrivateHost,
  netns: string | undefined,
  addresses: readonly string[],
): Promise<string[]> {
  const script = 'for a; do ping -n -c 1 -W 2 "$a" >/dev/null || echo "$a"; done';
  const inside = netns === undefined ? [] : ["ip", "netns", "exec", netns];
  const text = await host.run([...inside, "sh", "-c", script, "sh", ...addresses]);
  return text.split("\n").filter((line) => line !== "");
}

/** Names that the reference gives to a container's rules (docs/design/reference-leftovers.md). */

function hash(text: string, digits: number): string {
  return new Bun.CryptoHasher("sha512").update(text).digest("hex").slice(0, digits);
}

/** Everything by which a container's rules can be known in the packet filter. */
export function traces(network: string, containerId: string, ips: readonly string[]): string[] {
  return [
    `CNI-${hash(network + containerId, 24)}`,
    `CNI-DN-${hash(network + containerId, 21)}`,
    `${hash(network, 16)}-${hash(`eth0:${containerId}`, 16)}`,
    containerId,
    ...ips.flatMap((ip) => [`${ip} `, `${ip}/`, `${ip}:`, `[${ip}]`]),
  ];
}

/** Names of the links that send what comes from containers, to limit it. */
import type { Attachment } from "../model/port.ts";

/** Bits of the hash that make a name of 15 bytes. */
const digits = 12;

/**
 * The reference's name, by which its own DEL finds the link, and another: the reference does not
 * tell a container's links to one network apart, so the second needs a name of its own. Instances
 * other than that of in-process plugins keep out of their way.
 */
export function ifbNames(
  instance: string,
  { network, containerId, ifName }: Attachment & { readonly network: string },
  sha512: (text: string) => string,
): readonly [string, string] {
  const whose = instance === "cni" ? "" : `${instance}\0`;
  const name = (text: string) => `bwp${sha512(whose + text).slice(0, digits)}`;
  return [name(network + containerId), name(network + containerId + ifName)];
}

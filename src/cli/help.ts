/** What `netloom` says of itself. */

export const help = `Container networking for Linux.

  netloom cni add|del|check|gc|status|list …   run CNI network lists, as a container runtime does
  netloom sandbox run --network LIST -- COMMAND…
                                               run a command in a network of its own
  netloom clean                                remove what stays after the last container
  netloom version                              show the version

Each command tells more with --help. Linked under the names bridge, ptp, loopback, host-local,
static, portmap and netloom, this executable is each of these CNI plugins.
`;

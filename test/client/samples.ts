/** Objects of each kind for the drive through all operations: none that others stand on. */

interface Sample {
  readonly spec: object;
  readonly status?: object;
}

const subnet = (at: number) => ({ network: "base", cidr: `10.50.${at}.0/24` });
const user = (at: number) => `driver-${at}`;

/** Kind → the spec of its `at`th object, and a status. */
export const samples: Readonly<Record<string, (at: number) => Sample>> = {
  Namespace: () => ({ spec: {}, status: { phase: "Active" } }),
  Tenant: (at) => ({
    spec: { namespaceSelector: { matchLabels: { tenant: `t${at}` } }, quotas: { networks: 3 } },
    status: { used: { networks: 0 } },
  }),
  Host: () => ({ spec: { unschedulable: true }, status: { version: "1", ports: 2 } }),
  Network: () => ({
    spec: { type: "bridge", mtu: 1400, sharedWith: { matchLabels: { team: "a" } } },
    status: { ports: 0, subnets: [] },
  }),
  Subnet: (at) => ({
    spec: {
      ...subnet(at),
      routes: [{ destination: "10.99.0.0/16" }],
      dns: { search: ["a.example"] },
    },
    status: { addresses: 3, allocated: 0 },
  }),
  IPPool: (at) => ({
    spec: {
      subnet: "drive/base",
      ranges: [{ start: `10.49.0.${100 + at}`, end: `10.49.0.${100 + at}` }],
      sticky: true,
    },
    status: { conditions: [] },
  }),
  Port: () => ({
    spec: { network: "base", type: "container", identity: "who", mac: "02:00:5e:00:53:01" },
    status: { mac: "02:00:5e:00:53:02", addresses: [] },
  }),
  BGPPeer: (at) => ({
    spec: { address: `192.0.2.${at + 1}`, asNumber: 65000, export: [{ cidr: "10.0.0.0/8" }] },
    status: { hosts: 3, established: 2 },
  }),
  BGPConfiguration: () => ({ spec: { asNumber: 64513 }, status: { conditions: [] } }),
  Token: (at) => ({
    spec: { user: user(at), role: "viewer", expires: "2999-01-01T00:00:00Z" },
    status: { lastUsed: "2026-01-01T00:00:00Z" },
  }),
  Grant: (at) => ({ spec: { user: user(at), role: "viewer" } }),
};

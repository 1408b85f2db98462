/** A container reaches itself through its own published port, whoever published it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { callChain, type NetworkList } from "../support/cni-call.ts";
import { ourDir } from "../support/reference.ts";
import { TestHost } from "../support/test-host.ts";
import { probe, serve } from "../support/traffic.ts";

let host: TestHost;
beforeAll(async () => {
  host = await TestHost.create();
});
afterAll(() => host.remove());

const bridge = () => ({
  bridge: "br85",
  isDefaultGateway: true,
  ipMasq: true,
  ipam: {
    type: "host-local",
    dataDir: `${host.dir}/data`,
    ranges: [[{ subnet: "10.85.0.0/24" }], [{ subnet: "fd85::/64" }]],
  },
});
const portMappings = (hostPort: number) => ({
  capabilities: { portMappings: true },
  runtimeConfig: {
    portMappings: [
      { hostPort, containerPort: 80, protocol: "tcp" },
      { hostPort, containerPort: 80, protocol: "udp" },
    ],
  },
});

const lists: readonly [string, number, () => NetworkList["plugins"]][] = [
  [
    "portmap behind bridge",
    8085,
    () => [
      { type: "bridge", ...bridge() },
      { type: "portmap", ...portMappings(8085) },
    ],
  ],
  [
    "netloom alone",
    8086,
    () => [{ type: "netloom", driver: "bridge", ...bridge(), ...portMappings(8086) }],
  ],
];

test.each(lists)(
  "a container whose ports %s publishes reaches itself",
  async (_, port, plugins) => {
    const container = await host.addContainer();
    const list = { cniVersion: "1.1.0", name: "own", plugins: plugins() };
    const call = { host, plugins: ourDir(), list, containerId: `c${port}`, container };
    const added = await callChain({ ...call, command: "ADD" });
    expect(added.ok).toBe(true);
    await serve(host, container, [80]);
    const answers = await probe(
      container,
      (["10.85.0.1", "fd85::1"] as const).flatMap((address) => [
        { kind: "tcp", address, port } as const,
        { kind: "udp", address, port } as const,
      ]),
    );
    expect(answers.map((answer) => answer !== null)).toEqual([true, true, true, true]);
    const result = JSON.parse(added.stdout);
    expect((await callChain({ ...call, command: "CHECK", prevResult: result })).stdout).toBe("");
    expect((await callChain({ ...call, command: "DEL", prevResult: result })).ok).toBe(true);
  },
);

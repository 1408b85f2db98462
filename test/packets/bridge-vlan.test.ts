/** Bridges that filter VLANs, with packets: a VLAN reaches its own containers and no others. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { callPlugin } from "../support/cni-call.ts";
import { needs } from "../support/kernel-features.ts";
import { ourDir } from "../support/reference.ts";
import { shell } from "../support/run.ts";
import { netnsPath, TestHost } from "../support/test-host.ts";

type Keys = Readonly<Record<string, unknown>>;

needs("vlan filtering", "vlan").describe("a bridge that filters VLANs", () => {
  let host: TestHost;
  const addresses = new Map<string, string>();
  let made = 0;

  /** Adds a container to the bridge and gives its namespace; its address is 10.87.0.1x/24. */
  async function attach(name: string, more: Keys): Promise<string> {
    const container = await host.addContainer();
    const address = `10.87.0.${10 + ++made}`;
    addresses.set(container, address);
    const ipam = { type: "static", addresses: [{ address: `${address}/24` }] };
    // As in other networks on one bridge, each VLAN is a network of its own.
    const network = { cniVersion: "1.1.0", name: `vlan-${name}`, type: "bridge", bridge: "br87" };
    const config = { ...network, ipMasq: false, ipam, ...more };
    const call = { host, plugins: ourDir(), type: "bridge", containerId: name, container };
    const added = await callPlugin({ ...call, command: "ADD", config });
    expect(added.stderr + (added.ok ? "" : added.stdout)).toBe("");
    const prevResult = JSON.parse(added.stdout);
    const checked = await callPlugin({
      ...call,
      command: "CHECK",
      config: { ...config, prevResult },
    });
    expect(checked.stdout).toBe("");
    return container;
  }

  async function reaches(from: string, to: string): Promise<boolean> {
    const { status } = await host.run(["ping", "-n", "-q", "-c3", "-i0.3", "-W2", to], {
      netns: from,
    });
    return status === 0;
  }
  const address = (container: string) => addresses.get(container)!;

  /** Sends a datagram where no answer can come back, and tells whether it arrives. */
  async function hearsFrom(listener: string, sender: string): Promise<boolean> {
    const mac = (await shell("cat /sys/class/net/eth0/address", { netns: listener })).trim();
    const waiting = host.run(
      ["timeout", "20", "tcpdump", "-nnlc1", "-i", "eth0", "udp dst port 7787"],
      { netns: listener, timeoutMs: 40_000 },
    );
    await shell(
      `ip neigh replace ${address(listener)} lladdr ${mac} dev eth0
       python3 - <<'END'
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(50):
  s.sendto(b"?", ("${address(listener)}", 7787)); time.sleep(0.1)
END`,
      { netns: sender },
    );
    return (await waiting).stdout.includes("7787");
  }

  let a: string;
  let b: string;
  let other: string;
  let plain: string;
  let keeping: string;
  let trunk: string;
  beforeAll(async () => {
    host = await TestHost.create();
    a = await attach("a", { vlan: 100 });
    b = await attach("b", { vlan: 100 });
    other = await attach("other", { vlan: 200 });
    plain = await attach("plain", {});
    keeping = await attach("keeping", { vlan: 100, preserveDefaultVlan: true });
    trunk = await attach("trunk", {
      ipam: {},
      vlanTrunk: [{ id: 100 }, { minID: 200, maxID: 201 }],
    });
    await shell(
      `for vlan in 100 200 300; do
         ip link add link eth0 name v$vlan type vlan id $vlan
         ip link set v$vlan up
       done
       ip addr add 10.87.0.100/24 dev v100`,
      { netns: trunk },
    );
  });
  afterAll(() => host?.remove());

  test("lets containers of one VLAN reach each other, untagged", async () => {
    expect(await reaches(a, address(b))).toBe(true);
    expect(await reaches(b, address(a))).toBe(true);
    expect(await reaches(keeping, address(a))).toBe(true);
  });

  test("lets nobody of another VLAN in, though the subnet is the same", async () => {
    expect(await reaches(a, address(other))).toBe(false);
    expect(await reaches(other, address(a))).toBe(false);
    expect(await reaches(plain, address(a))).toBe(false);
  });

  test("gives a trunk the tagged frames of its VLANs, and of no other", async () => {
    expect(await reaches(trunk, address(a))).toBe(true);
    expect(await reaches(a, "10.87.0.100")).toBe(true);
    expect(await reaches(trunk, address(other))).toBe(false);
    await shell("ip addr flush dev v100; ip addr add 10.87.0.100/24 dev v200", { netns: trunk });
    expect(await reaches(trunk, address(other))).toBe(true);
    await shell("ip addr flush dev v200; ip addr add 10.87.0.100/24 dev v300", { netns: trunk });
    expect(await reaches(trunk, address(a))).toBe(false);
    expect(await reaches(trunk, address(other))).toBe(false);
  });

  test("brings frames of the default VLAN to a port that keeps it, and to no other", async () => {
    expect(await hearsFrom(keeping, plain)).toBe(true);
    expect(await hearsFrom(a, plain)).toBe(false);
  });

  test("has a gateway in each VLAN that asks for one", async () => {
    const ipam = (net: number) => ({
      type: "static",
      addresses: [{ address: `10.${net}.0.9/24`, gateway: `10.${net}.0.1` }],
    });
    const first = await attach("first", { vlan: 100, isGateway: true, ipam: ipam(88) });
    const second = await attach("second", { vlan: 200, isGateway: true, ipam: ipam(89) });
    expect(await reaches(first, "10.88.0.1")).toBe(true);
    expect(await reaches(second, "10.89.0.1")).toBe(true);
    const shown = JSON.parse(await host.shell("ip -j addr show dev br87.200"));
    expect(shown[0].addr_info.map(({ local }: { local: string }) => local)).toContain("10.89.0.1");
    await shell("ip addr add 10.89.0.8/24 dev eth0", { netns: first });
    expect(await reaches(first, "10.89.0.9")).toBe(false);
  });

  test("removes a container's port with its VLANs on DEL", async () => {
    const gone = await attach("gone", { vlan: 150 });
    const vlans = async () =>
      JSON.parse(await host.shell("bridge -j vlan show")).flatMap((port: any) =>
        port.vlans.map(({ vlan }: { vlan: number }) => vlan),
      );
    expect(await vlans()).toContain(150);
    const config = { cniVersion: "1.1.0", name: "vlan-gone", type: "bridge", bridge: "br87" };
    const ipam = { type: "static", addresses: [{ address: `${address(gone)}/24` }] };
    const call = { host, plugins: ourDir(), type: "bridge", containerId: "gone", container: gone };
    const removed = await callPlugin({
      ...call,
      command: "DEL",
      config: { ...config, vlan: 150, ipam },
    });
    expect(removed.ok).toBe(true);
    expect(await vlans()).not.toContain(150);
    expect(await shell(`ls ${netnsPath(gone)}`)).not.toBe("");
  });
});

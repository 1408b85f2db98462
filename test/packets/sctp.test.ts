/** SCTP through published ports, with the kernel's own SCTP sockets at both ends. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { callChain } from "../support/cni-call.ts";
import { needs } from "../support/kernel-features.ts";
import { patient } from "../support/patience.ts";
import { ourDir } from "../support/reference.ts";
import { inside, systemPath } from "../support/run.ts";
import { lan, TestHost } from "../support/test-host.ts";

/** Answers each association with the address that it comes from. */
const server = `
import socket, threading
def serve(family, address):
    s = socket.socket(family, socket.SOCK_STREAM, 132)
    if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, 90)); s.listen(5)
    print("ready", flush=True)
    while True:
        c, peer = s.accept(); c.sendall(peer[0].encode()); c.close()
for place in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
    threading.Thread(target=serve, args=place).start()
`;

const client = (address: string, port: number) => `
import socket
family = socket.AF_INET6 if ":" in "${address}" else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM, 132)
s.settimeout(${patient(4000) / 1000})
s.connect(("${address}", ${port})); print(s.recv(100).decode(), end="")
`;

needs("sctp").describe("SCTP", () => {
  let host: TestHost;
  let published: string;
  let neighbour: string;

  /** Whom the server took `from` for, or what went wrong. */
  async function ask(from: string, address: string, port: number): Promise<string> {
    const argv = ["python3", "-c", client(address, port)];
    const { stdout, stderr } = await host.run(argv, { netns: from });
    return stdout || stderr.trim().split("\n").at(-1)!;
  }

  function chain(hostPort: number | undefined) {
    const ranges = [[{ subnet: "10.90.0.0/24" }], [{ subnet: "fd90::/64" }]];
    const ipam = { type: "host-local", dataDir: `${host.dir}/data`, ranges };
    const bridge = { type: "bridge", bridge: "br90", isDefaultGateway: true, ipMasq: true, ipam };
    const portMappings = [{ hostPort, containerPort: 90, protocol: "sctp" }];
    const portmap = { type: "portmap", capabilities: { portMappings: true } };
    const plugins = [bridge, { ...portmap, runtimeConfig: { portMappings } }];
    const list = { cniVersion: "1.1.0", name: "sctp" };
    return { ...list, plugins: hostPort === undefined ? [bridge] : plugins };
  }

  async function attach(containerId: string, hostPort?: number): Promise<string> {
    const container = await host.addContainer();
    const call = { host, plugins: ourDir(), list: chain(hostPort), containerId, container };
    const added = await callChain({ ...call, command: "ADD" });
    expect(added.stderr + (added.ok ? "" : added.stdout)).toBe("");
    return container;
  }

  beforeAll(async () => {
    host = await TestHost.create();
    published = await attach("published", 9090);
    neighbour = await attach("neighbour");
    const child = Bun.spawn(inside(["python3", "-c", server], published), {
      stdio: ["ignore", "pipe", "inherit"],
      env: { PATH: systemPath },
    });
    host.beforeRemoval(() => child.kill("SIGKILL"));
    let said = "";
    for await (const chunk of child.stdout) {
      said += new TextDecoder().decode(chunk);
      if (said.match(/ready/g)?.length === 2) break;
    }
  });
  afterAll(() => host?.remove());

  test("reaches a published port from outside, over both families, with its own address", async () => {
    expect(await ask(host.outside, lan.host4, 9090)).toBe(lan.outside4);
    expect(await ask(host.outside, lan.host6, 9090)).toBe(lan.outside6);
  });

  test("reaches it from the host, from a neighbour, and from the container itself", async () => {
    expect(await ask(host.netns, lan.host4, 9090)).toMatch(/^10\.90\.0\.1$|^198\.51\.100\.1$/);
    expect(await ask(neighbour, lan.host4, 9090)).toMatch(/^10\.90\.0\.[13]$/);
    expect(await ask(published, lan.host4, 9090)).toMatch(/^10\.90\.0\.1$/);
  });

  test("leaves through masquerade", async () => {
    const child = Bun.spawn(inside(["python3", "-c", server], host.outside), {
      stdio: ["ignore", "pipe", "inherit"],
      env: { PATH: systemPath },
    });
    host.beforeRemoval(() => child.kill("SIGKILL"));
    await child.stdout.getReader().read();
    expect(await ask(neighbour, lan.outside4, 90)).toBe(lan.host4);
  });

  test("no longer finds the port after DEL", async () => {
    const call = { host, plugins: ourDir(), list: chain(9090), containerId: "published" };
    const removed = await callChain({ ...call, container: published, command: "DEL" });
    expect(removed.ok).toBe(true);
    expect(await ask(host.outside, lan.host4, 9090)).toMatch(/refused|timed out|unreachable/i);
  });
});

/** Podman with its CNI backend: storage, run directory and configuration of the host's own. */
import { type PrivateHost, removeCgroup } from "../host/private-host.ts";
import {
  conflist,
  type Making,
  makeImage,
  network,
  type Publication,
  type Runtime,
} from "./runtime.ts";

const image = "localhost/nle2e:1";
const dir = "/run/nle2e";

const containersConf = `[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
default_network = "${network.name}"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

export class Podman implements Runtime {
  readonly name = "podman";
  readonly #cgroup = `nle2e-${Bun.randomUUIDv7().slice(-12)}`;
  #host!: PrivateHost;

  async start(host: PrivateHost, making: Making): Promise<void> {
    this.#host = host;
    const list = conflist(making, { capabilities: { portMappings: true } });
    await host.write(`/etc/cni/net.d/${network.name}.conflist`, list);
    await host.write(`${dir}/containers.conf`, containersConf);
    await makeImage(host, `${dir}/image.tar`);
    await this.#podman(["import", `${dir}/image.tar`, image]);
  }

  async run(container: string, ports: readonly Publication[]): Promise<void> {
    // The limits that podman wants to raise are beyond what a confined machine's root may.
    const limits = ["--ulimit", "nofile=1000:1000", "--ulimit", "nproc=1000:1000"];
    const publish = ports.flatMap(({ hostPort, containerPort, protocol }) => [
      "--publish",
      `${hostPort}:${containerPort}/${protocol}`,
    ]);
    const place = ["--cgroup-parent", `/${this.#cgroup}`, "--network", network.name];
    const options = ["--detach", "--name", container, ...limits, ...publish, ...place];
    await this.#podman(["--runtime", "runc", "run", ...options, image, "sleep", "1000"]);
  }

  exec(container: string, command: readonly string[]): Promise<string> {
    return this.#podman(["exec", container, ...command]);
  }

  async pid(container: string): Promise<number> {
    return Number(await this.#podman(["inspect", "--format", "{{.State.Pid}}", container]));
  }

  async remove(container: string): Promise<void> {
    await this.#podman(["rm", "--force", "--time", "0", container]);
  }

  async stop(): Promise<void> {
    await removeCgroup(this.#cgroup);
  }

  #podman(args: readonly string[]): Promise<string> {
    const storage = ["--root", "/var/lib/containers/storage", "--runroot", "/run/containers"];
    return this.#host.run(["podman", ...storage, "--storage-driver", "vfs", ...args], {
      env: { CONTAINERS_CONF: `${dir}/containers.conf` },
    });
  }
}

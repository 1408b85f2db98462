/** Podman for one container of the demo: all it keeps is in the private host's /run. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { run } from "./programs.ts";

const dir = "/run/demo-podman";
/** A root file system for containers. An image would leave a cache in /var/lib/containers. */
const tree = `${dir}/tree`;

/** The control group above the container's, which the process outside removes in the end. */
const cgroup = "NETLOOM_DEMO_CGROUP";

const containersConf = `[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
`;

/** Puts the network's list where runtimes look, and makes a root file system of busybox alone. */
export async function preparePodman(network: string): Promise<string> {
  const list = `/etc/cni/net.d/${network}.conflist`;
  for (const folder of [dir, "/etc/cni/net.d"]) mkdirSync(folder, { recursive: true });
  copyFileSync(join(import.meta.dir, "../../examples", basename(list)), list);
  writeFileSync(`${dir}/containers.conf`, containersConf);
  const fill = `for folder in bin etc proc sys dev tmp run; do mkdir -p "$1/$folder"; done
  cp "$(command -v busybox)" "$1/bin/busybox"
  ln -s busybox "$1/bin/sleep"`;
  await run(["sh", "-ec", fill, "sh", tree]);
  return `examples/${basename(list)} in /etc/cni/net.d`;
}

/** Starts a container that stays, and gives its addresses on the network. */
export async function startContainer(name: string, network: string): Promise<string[]> {
  // The limits that podman wants to raise are beyond what a confined machine's root may.
  const limits = ["--ulimit", "nofile=1000:1000", "--ulimit", "nproc=1000:1000"];
  const place = ["--cgroup-parent", `/${process.env[cgroup]}`, "--network", network];
  const options = ["--detach", "--name", name, ...limits, ...place];
  await podman("--runtime", "runc", "run", ...options, "--rootfs", tree, "sleep", "1000");
  const settings = `(index .NetworkSettings.Networks "${network}")`;
  const wanted = `{{${settings}.IPAddress}} {{${settings}.GlobalIPv6Address}}`;
  return (await podman("inspect", "--format", wanted, name)).trim().split(" ");
}

export async function removeContainer(name: string): Promise<void> {
  await podman("rm", "--force", "--time", "0", name);
}

/** Names the control group for the process in the private host. Call it outside, before. */
export function nameCgroup(): void {
  process.env[cgroup] = `netloom-demo-${process.pid}`;
}

/** Removes it: control groups are the machine's, a private host does not take them with it. */
export async function removeCgroup(): Promise<void> {
  const find = ["find", "/sys/fs/cgroup", "-depth", "-type", "d"];
  const mine = ["-path", `*/${process.env[cgroup]}*`, "-exec", "rmdir", "{}", "+"];
  const deadline = Date.now() + 5000;
  // The kernel keeps a group until its last process is reaped.
  while (Date.now() < deadline) {
    const removal = Bun.spawn([...find, ...mine], { stdio: ["ignore", "ignore", "ignore"] });
    if ((await removal.exited) === 0) return;
    await Bun.sleep(50);
  }
  console.error(`Cannot remove the control group "${process.env[cgroup]}": rmdir it by hand.`);
}

function podman(...args: readonly string[]): Promise<string> {
  const places = ["--root", `${dir}/storage`, "--runroot", `${dir}/run`, "--tmpdir", `${dir}/tmp`];
  const settings = [`CONTAINERS_CONF=${dir}/containers.conf`, `HOME=${dir}`];
  return run(["env", ...settings, "podman", ...places, "--storage-driver", "vfs", ...args]);
}

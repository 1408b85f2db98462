/**
 * containerd with `ctr run --cni`, which takes the first network list in /etc/cni/net.d, and calls
 * DEL without CNI_NETNS once the container is gone.
 */
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
const listFile = `/etc/cni/net.d/10-${network.name}.conflist`;
const ctr = ["ctr", "--address", `${dir}/containerd.sock`];

const config = `version = 2
root = "/var/lib/containerd"
state = "${dir}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${dir}/containerd.sock"
`;

export class Containerd implements Runtime {
  readonly name = "containerd";
  readonly #cgroup = `nle2e-${Bun.randomUUIDv7().slice(-12)}`;
  readonly #running = new Map<string, ReturnType<PrivateHost["spawn"]>>();
  #host!: PrivateHost;
  #making!: Making;
  #execs = 0;

  async start(host: PrivateHost, making: Making): Promise<void> {
    this.#host = host;
    this.#making = making;
    await host.write(`${dir}/config.toml`, config);
    await host.write(listFile, conflist(making, {}));
    host.spawn(["containerd", "--config", `${dir}/config.toml`, "--log-level", "warn"]);
    await makeImage(host, `${dir}/layer.tar`);
    await host.run(["sh", "-ec", makeOciArchive]);
    await host.until([...ctr, "version"]);
    await host.run([...ctr, "image", "import", "--snapshotter", "native", `${dir}/image.tar`]);
  }

  /** `ctr` has no way to publish a port: the list carries what libcni would have put there. */
  async run(container: string, ports: readonly Publication[]): Promise<void> {
    const portmap = ports.length === 0 ? {} : { runtimeConfig: { portMappings: ports } };
    const list = conflist(this.#making, portmap);
    await this.#host.write(listFile, list);
    const place = ["--snapshotter", "native", "--cgroup", `/${this.#cgroup}/${container}`];
    const options = ["--rm", "--cni", ...place];
    const command = [...ctr, "run", ...options, image, container, "sleep", "1000"];
    this.#running.set(container, this.#host.spawn(command));
    // ctr attaches a created container, then starts it. One can run commands in it before.
    const isRunning = `${ctr.join(" ")} task list | grep -q "^${container} .*RUNNING"`;
    await this.#host.until(["sh", "-c", isRunning]);
  }

  exec(container: string, command: readonly string[]): Promise<string> {
    const id = `exec${this.#execs++}`;
    return this.#host.run([...ctr, "task", "exec", "--exec-id", id, container, ...command]);
  }

  async pid(container: string): Promise<number> {
    const list = await this.#host.run([...ctr, "task", "list"]);
    const rows = list.split("\n").map((line) => line.split(/\s+/));
    return Number(rows.find(([name]) => name === container)?.[1]);
  }

  async remove(container: string): Promise<void> {
    await this.#host.run([...ctr, "task", "kill", "--signal", "SIGKILL", container]);
    const run = this.#running.get(container)!;
    await run.exited;
    const errors = await run.stderr.text();
    if (errors.includes("level=error")) throw new Error(`ctr failed to clean up: ${errors}`);
  }

  async stop(): Promise<void> {
    await removeCgroup(this.#cgroup);
  }
}

/** Wraps the layer in what `ctr image import` reads: an OCI archive of one layer. */
const makeOciArchive = `cd ${dir}
mkdir -p oci/blobs/sha256
cd oci
blob() {
  sum=$(sha256sum "$1" | cut -d' ' -f1) size=$(stat -c %s "$1")
  mv "$1" "blobs/sha256/$sum"
}
describe() { printf '"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s' "$@"; }
blob ../layer.tar
layer=$sum layers=$(describe layer.v1.tar $sum $size)
cat >config <<END
{"architecture":"$(dpkg --print-architecture)","os":"linux","config":{},
"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]}}
END
blob config
cat >manifest <<END
{"schemaVersion":2,"config":{$(describe config.v1+json $sum $size)},"layers":[{$layers}]}
END
blob manifest
cat >index.json <<END
{"schemaVersion":2,"manifests":[{$(describe manifest.v1+json $sum $size),
"annotations":{"io.containerd.image.name":"${image}"}}]}
END
echo '{"imageLayoutVersion":"1.0.0"}' >oci-layout
tar -cf ../image.tar .`;

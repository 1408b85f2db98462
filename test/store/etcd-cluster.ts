/** Real etcd for tests: members with TLS and client certificates, on free ports of 127.0.0.1. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EtcdOptions } from "../../src/control/store/etcd.ts";
import type { EtcdTls } from "../../src/control/store/etcd-client.ts";
import { afterPrefix } from "../../src/control/store/keys.ts";

/** Files in PEM. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Member {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  process?: Bun.Subprocess;
}

function openssl(dir: string, command: string): void {
  const done = Bun.spawnSync(["openssl", ...command.split(" ")], { cwd: dir, stderr: "pipe" });
  if (!done.success) throw new Error(`openssl ${command}: ${done.stderr}`);
}

const elliptic = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/** An authority of its own in `dir`, under this name. */
export function makeAuthority(dir: string, name: string): void {
  openssl(
    dir,
    `req -x509 ${elliptic} -keyout ${name}.key -out ${name}.pem -days 2 -subj /CN=${name}`,
  );
}

/**
 * A certificate for both sides of a connection: etcd's gateway calls etcd with the server's. Valid
 * at these addresses.
 */
export function makeCertificate(
  dir: string,
  authority: string,
  name: string,
  addresses: readonly string[] = ["127.0.0.1"],
): Certificates {
  const names = addresses.map((address) => `IP:${address}`).join(",");
  const purposes = `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`;
  writeFileSync(join(dir, "purposes"), purposes);
  openssl(dir, `req ${elliptic} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
  const signed = `-CA ${authority}.pem -CAkey ${authority}.key -CAcreateserial -days 2`;
  openssl(dir, `x509 -req -in ${name}.csr ${signed} -extfile purposes -out ${name}.pem`);
  const at = (file: string) => join(dir, file);
  return { ca: at(`${authority}.pem`), cert: at(`${name}.pem`), key: at(`${name}.key`) };
}

export function readTls({ ca, cert, key }: Certificates): EtcdTls {
  const read = (path: string) => readFileSync(path, "utf8");
  return { ca: read(ca), cert: read(cert), key: read(key) };
}

/** Below those that the kernel gives to connections: one of them could take a dead member's. */
const ports = { first: 20_000, count: 10_000 };

async function freePort(): Promise<number> {
  for (;;) {
    const port = ports.first + Math.floor(Math.random() * ports.count);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Starts with `start`; ends its processes and removes its files when disposed of. */
export class EtcdCluster implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "netloom-etcd-"));
  readonly client: Certificates;
  readonly #server: Certificates;
  readonly #members: Member[] = [];

  private constructor() {
    makeAuthority(this.dir, "ca");
    this.#server = makeCertificate(this.dir, "ca", "member");
    this.client = makeCertificate(this.dir, "ca", "client");
  }

  /** With so many members, all of which answer. */
  static async start(size: number): Promise<EtcdCluster> {
    const cluster = new EtcdCluster();
    for (let i = 0; i < size; i++) {
      const [clientPort, peerPort] = [await freePort(), await freePort()];
      cluster.#members.push({ name: `m${i}`, clientPort, peerPort });
    }
    for (let i = 0; i < size; i++) cluster.run(i);
    for (let i = 0; i < size; i++) await cluster.healthy(i);
    return cluster;
  }

  get endpoints(): string[] {
    return this.#members.map(({ clientPort }) => `https://127.0.0.1:${clientPort}`);
  }

  /** How to reach all members. */
  get options(): EtcdOptions {
    return { endpoints: this.endpoints, tls: readTls(this.client) };
  }

  /** As `openStore` takes it. */
  get url(): string {
    const { ca, cert, key } = this.client;
    return `etcd:${this.endpoints.join(",")}?ca=${ca}&cert=${cert}&key=${key}`;
  }

  /** Starts this member, anew with what it had. */
  run(index: number): void {
    const member = this.#members[index]!;
    const { name, clientPort, peerPort } = member;
    const { ca, cert, key } = this.#server;
    const peers = this.#members.map((m) => `${m.name}=https://127.0.0.1:${m.peerPort}`);
    const options = {
      name,
      "data-dir": join(this.dir, name),
      "listen-client-urls": `https://127.0.0.1:${clientPort}`,
      "advertise-client-urls": `https://127.0.0.1:${clientPort}`,
      "listen-peer-urls": `https://127.0.0.1:${peerPort}`,
      "initial-advertise-peer-urls": `https://127.0.0.1:${peerPort}`,
      "initial-cluster": peers.join(","),
      "cert-file": cert,
      "key-file": key,
      "trusted-ca-file": ca,
      "client-cert-auth": "true",
      "peer-cert-file": cert,
      "peer-key-file": key,
      "peer-trusted-ca-file": ca,
      "peer-client-cert-auth": "true",
      "log-level": "error",
    };
    const argv = Object.entries(options).map(([option, value]) => `--${option}=${value}`);
    const log = Bun.file(join(this.dir, `${name}.log`));
    const stdio = ["ignore", log, log] as ["ignore", typeof log, typeof log];
    member.process = Bun.spawn(["etcd", ...argv], { stdio });
  }

  async kill(index: number): Promise<void> {
    const member = this.#members[index]!;
    member.process?.kill("SIGKILL");
    await member.process?.exited;
    member.process = undefined;
  }

  /** Freezes a member: its connections stay open, and nothing comes. */
  freeze(index: number): void {
    this.#members[index]!.process?.kill("SIGSTOP");
  }

  thaw(index: number): void {
    this.#members[index]!.process?.kill("SIGCONT");
  }

  /** Until this member answers, which takes a leader. */
  async healthy(index: number): Promise<void> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const health = await this.#ask(index, "/health", "GET").catch(() => undefined);
      if (health?.health === "true") return;
      const { process, name } = this.#members[index]!;
      if (process?.exitCode != null || performance.now() > deadline) {
        const log = await Bun.file(join(this.dir, `${name}.log`)).text();
        throw new Error(`etcd's member ${name} is not healthy:\n${log.slice(-2000)}`);
      }
      await Bun.sleep(50);
    }
  }

  /** Which member leads. */
  async leader(): Promise<number> {
    for (const [index, { process }] of this.#members.entries()) {
      if (!process) continue;
      const { header, leader } = await this.#ask(index, "/v3/maintenance/status", "POST");
      if (header.member_id === leader) return index;
    }
    throw new Error("No member of etcd's leads");
  }

  /** As an operator does it by hand. */
  async putKey(key: string, value: string): Promise<void> {
    await this.#ask(0, "/v3/kv/put", "POST", { key: btoa(key), value: btoa(value) });
  }

  async removeKeys(prefix: string): Promise<void> {
    const range = { key: btoa(prefix), range_end: btoa(afterPrefix(prefix)!) };
    await this.#ask(0, "/v3/kv/deleterange", "POST", range);
  }

  async #ask(index: number, path: string, method: string, body: object = {}): Promise<any> {
    const response = await fetch(this.endpoints[index] + path, {
      method,
      body: method === "POST" ? JSON.stringify(body) : undefined,
      tls: readTls(this.client),
      signal: AbortSignal.timeout(5000),
    });
    return response.json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map((_, index) => this.kill(index)));
    rmSync(this.dir, { recursive: true });
  }
}

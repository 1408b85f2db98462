/** A server over TLS with people of every role, and a client that sends what it is told. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { type Limits, usualLimits } from "../../src/control/access/limits.ts";
import { type KeyPair, makeCertificate } from "../../src/control/access/tls/certificate.ts";
import { type RunningServer, startServer } from "../../src/control/server.ts";
import { openSqlite } from "../../src/control/store/sqlite.ts";
import type { Store } from "../../src/control/store/store.ts";
import { silentLog } from "../../src/lib/log.ts";

export const root = "/apis/netloom.dev/v1alpha1";
export const object = (kind: string, name: string, spec: object, metadata: object = {}) => ({
  apiVersion: kind === "Namespace" ? "v1" : "netloom.dev/v1alpha1",
  kind,
  metadata: { name, ...metadata },
  spec,
});

export interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: readonly string[];
  readonly body?: string | object;
  /** A secret. */
  readonly token?: string;
  readonly certificate?: KeyPair;
}

export interface Answer {
  readonly code: number;
  readonly text: string;
  /** The answer's JSON, where it is any. */
  readonly body: any;
  readonly head: string;
}

/** A table of cases fails more often than people do. */
const patientLimits: Limits = {
  ...usualLimits,
  failures: { perSecond: 1000, burst: 1000 },
};

export class World {
  readonly folder: string;
  readonly store: Store;
  readonly #server: RunningServer;
  /** By user. */
  readonly secrets = new Map<string, string>();

  private constructor(folder: string, store: Store, server: RunningServer) {
    this.folder = folder;
    this.store = store;
    this.#server = server;
  }

  /** `prepare` is given the state directory, which holds the audit log but not the store. */
  static async make(
    limits: Limits = patientLimits,
    prepare: (stateDir: string) => void = () => {},
  ): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), "netloom-access-"));
    const stateDir = `${folder}/state`;
    mkdirSync(stateDir);
    prepare(stateDir);
    const store = openSqlite(`${folder}/store.db`);
    const tls = { host: "127.0.0.1", port: 0, files: {} };
    const server = await startServer({
      ...{ store, stateDir, runDir: `${folder}/run`, version: "0", log: silentLog, tls, limits },
    });
    return new World(folder, store, server);
  }

  get authority(): KeyPair {
    const read = (name: string) => readFileSync(`${this.folder}/state/pki/${name}`, "utf8");
    return { cert: read("ca.crt"), key: read("ca.key") };
  }

  get port(): number {
    return this.#server.port!;
  }

  certificate(subject: string, signer: KeyPair = this.authority, now = new Date()): KeyPair {
    return makeCertificate({ subject, use: "client", days: 1, now }, signer);
  }

  /** As root, over the Unix socket. Throws where it is refused. */
  async asRoot(method: string, path: string, body?: object): Promise<any> {
    const answer = await fetch(`http://netloom${path}`, {
      ...{ method, unix: `${this.folder}/run/api.sock` },
      headers: { "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return answer.json();
  }

  /** A token of a user, with the grants that he shall have. */
  async person(user: string, token: object, ...grants: readonly object[]): Promise<string> {
    const made = object("Token", user, { user, ...token });
    const { status } = await this.asRoot("POST", `${root}/tokens`, made);
    for (const [i, grant] of grants.entries()) {
      const granted = object("Grant", `${user}-${i}`, { user, ...grant });
      await this.asRoot("POST", `${root}/grants`, granted);
    }
    this.secrets.set(user, status.secret);
    return status.secret;
  }

  /** Every object, with its last change. */
  async state(): Promise<readonly string[]> {
    const { entries } = await this.store.list("/registry/");
    return entries.map(({ key, revision }) => `${key} ${revision}`);
  }

  /** Waits until the server's own parts have nothing more to do. */
  async settle(): Promise<void> {
    for (let last = ""; ; ) {
      const now = (await this.state()).join();
      if (now === last) return;
      last = now;
      await Bun.sleep(500);
    }
  }

  /** Waits until a token was noted as used. */
  async noted(name: string): Promise<void> {
    const lastUsed = async () =>
      (await this.asRoot("GET", `${root}/tokens/${name}`)).status.lastUsed;
    while ((await lastUsed()) === undefined) await Bun.sleep(20);
  }

  /** Lets a host ask for a block of a subnet, and waits until it has one. */
  async lease(host: string, subnet: string): Promise<void> {
    const path = `${root}/hosts/${host}`;
    const live = await this.asRoot("GET", path);
    await this.asRoot("PUT", `${path}/status`, { ...live, status: { wantedBlocks: [subnet] } });
    const isLeased = async () =>
      (await this.asRoot("GET", `${root}/ipblocks`)).items.some(
        ({ spec }: any) => spec.host === host,
      );
    while (!(await isLeased())) await Bun.sleep(20);
  }

  /** Waits until it is gone. */
  async gone(path: string): Promise<void> {
    while ((await this.asRoot("GET", path).catch(() => undefined)) !== undefined) {
      await Bun.sleep(20);
    }
  }

  /** Lines of a watch, as they come; the signal ends it. */
  async *watch(token: string, path: string, signal?: AbortSignal) {
    const answer = await fetch(`https://127.0.0.1:${this.port}${path}`, {
      headers: { authorization: `Bearer ${token}` },
      tls: { ca: this.authority.cert },
      ...(signal && { signal }),
    });
    if (!answer.ok) throw new Error(`${answer.status}`);
    let rest = "";
    for await (const chunk of answer.body!) {
      rest += new TextDecoder().decode(chunk);
      const lines = rest.split("\n");
      rest = lines.pop()!;
      for (const line of lines) yield JSON.parse(line) as any;
    }
  }

  audited(): any[] {
    const text = readFileSync(`${this.folder}/state/audit.log`, "utf8");
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  /** Over a connection of its own, byte for byte. */
  send({ method = "GET", path, headers = [], body, token, certificate }: Sent): Promise<Answer> {
    const text =
      body === undefined || typeof body === "string" ? (body ?? "") : JSON.stringify(body);
    const hasType = headers.some((each) => /^content-type:/i.test(each));
    const lines = [
      `${method} ${path} HTTP/1.1`,
      "host: netloom",
      "connection: close",
      ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
      ...(hasType || text === "" ? [] : ["content-type: application/json"]),
      ...(text === "" ? [] : [`content-length: ${Buffer.byteLength(text)}`]),
      ...headers,
    ];
    return this.raw(`${lines.join("\r\n")}\r\n\r\n${text}`, certificate);
  }

  raw(text: string, certificate?: KeyPair): Promise<Answer> {
    return this.begin(text, certificate).answer;
  }

  /** Sends this, and more where it is asked to; all that comes until the end is the answer. */
  begin(text: string, certificate?: KeyPair) {
    const { port } = this;
    const ca = this.authority.cert;
    const socket = connect({ host: "127.0.0.1", port, ca, ...certificate }, () => {
      socket.write(text);
    });
    const answer = new Promise<Answer>((resolve, reject) => {
      let got = "";
      socket.setEncoding("utf8");
      socket.on("data", (chunk) => {
        got += chunk;
      });
      socket.on("error", (error) => (got === "" ? reject(error) : resolve(parse(got))));
      socket.on("close", () => (got === "" ? reject(new Error("cut off")) : resolve(parse(got))));
    });
    return { answer, write: (more: string) => void socket.write(more) };
  }

  async remove(): Promise<void> {
    await this.close();
    this.clear();
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.store.close();
  }

  clear(): void {
    rmSync(this.folder, { recursive: true });
  }
}

function parse(got: string): Answer {
  const [head = "", ...rest] = got.split("\r\n\r\n");
  const raw = rest.join("\r\n\r\n");
  const text = /^transfer-encoding: *chunked/im.test(head) ? unchunked(raw) : raw;
  const json = text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
  return { code: Number(head.split(" ")[1]), head, text, body: bodyOf(json) };
}

/** The chunks joined, as far as they came: a size in hexadecimal digits, then as many bytes. */
function unchunked(raw: string): string {
  let left = Buffer.from(raw);
  const parts: Buffer[] = [];
  for (;;) {
    const end = left.indexOf("\r\n");
    const size = end < 0 ? 0 : Number.parseInt(left.toString("latin1", 0, end), 16);
    if (!size) return Buffer.concat(parts).toString();
    parts.push(left.subarray(end + 2, end + 2 + size));
    left = left.subarray(end + 2 + size + 2);
  }
}

function bodyOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

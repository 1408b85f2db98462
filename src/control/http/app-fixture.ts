/** An API with a store of its own, without sockets, for tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kinds } from "../../api/kinds/index.ts";
import { silentLog } from "../../lib/log.ts";
import { Feed } from "../objects/feed.ts";
import { Objects } from "../objects/objects.ts";
import { openSqlite } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { rootOnly } from "./access.ts";
import { createApp } from "./app.ts";

export const root = "/apis/netloom.dev/v1alpha1";
export const networks = `${root}/namespaces/default/networks`;
export const network = (
  name: string,
  spec: object = { type: "bridge" },
  metadata: object = {},
) => ({
  apiVersion: "netloom.dev/v1alpha1",
  kind: "Network",
  metadata: { name, ...metadata },
  spec,
});

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly signal?: AbortSignal;
}

export class TestApi {
  readonly store: Store;
  /** Ends the server's watches. */
  readonly ends = new AbortController();
  readonly #folder: string;
  readonly #feed: Feed;
  readonly #app: ReturnType<typeof createApp>;

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "netloom-http-"));
    this.store = openSqlite(join(this.#folder, "store.db"));
    this.#feed = new Feed(this.store);
    this.#app = createApp({
      objects: new Objects(this.store),
      feed: this.#feed,
      access: rootOnly,
      kinds,
      version: "0.1.0",
      log: silentLog,
      ends: this.ends.signal,
    });
  }

  /** With the namespace that is always there. */
  static async make(): Promise<TestApi> {
    const api = new TestApi();
    const metadata = { name: "default" };
    await api.call("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata });
    return api;
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    { headers = {}, uid = 0, signal }: CallOptions = {},
  ): Promise<Response> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const request = new Request(`http://api${path}`, { method, headers, body: text, signal });
    return this.#app.fetch(request, { caller: { uid } });
  }

  async call(method: string, path: string, body?: unknown, options: CallOptions = {}) {
    const response = await this.send(method, path, body, options);
    const { status: code, headers } = response;
    return { code, body: (await response.json()) as any, headers };
  }

  async close(): Promise<void> {
    this.ends.abort();
    this.#feed.close();
    await this.store.close();
    rmSync(this.#folder, { recursive: true });
  }
}

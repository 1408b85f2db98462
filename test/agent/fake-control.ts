/** A control plane in memory, on a Unix socket: what an agent asks of one, and no more. */
import { rmSync } from "node:fs";
import { elsewhere } from "../../src/api/elsewhere.ts";
import { kindNamed } from "../../src/api/kinds/index.ts";
import { initialEventsEnd, objectKey, type WatchEvent } from "../../src/api/node-spec.ts";
import type { ApiObject } from "../../src/api/object.ts";
import { blockName } from "../../src/ipam/block.ts";
import { formatPrefix, parsePrefix } from "../../src/lib/prefix.ts";

type Loose = ApiObject<any, any>;

const apiPath =
  /^\/apis\/netloom\.dev\/v1alpha1(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?(?:\/(status|nodespec))?$/;

export class FakeControl {
  readonly objects = new Map<string, Loose>();
  /** Of what kinds no object is replaced. */
  refuses: (plural: string) => boolean = () => false;
  /** Of which subnets, `namespace/name`, there are blocks to be had. */
  lends: (subnet: string) => boolean = () => true;
  readonly #path: string;
  readonly #watchers = new Set<(event: WatchEvent) => void>();
  #server: ReturnType<typeof Bun.serve> | undefined;
  #revision = 1;

  constructor(path: string) {
    this.#path = path;
  }

  start(): void {
    this.#server = Bun.serve({
      unix: this.#path,
      fetch: (request) => this.#serve(request),
    });
  }

  /** As if the machine were unplugged. */
  async stop(): Promise<void> {
    await this.#server?.stop(true);
    this.#watchers.clear();
    rmSync(this.#path, { force: true });
  }

  /** As a user applies it. */
  put(plural: string, object: Record<string, any>): Loose {
    const unnamed: Record<string, string> = { ipblocks: "IPBlock", ...elsewhere };
    const kind = unnamed[plural] ?? kindNamed(plural)!.kind;
    const key = objectKey(plural, object.metadata);
    const old = this.objects.get(key);
    const { generation = 0 } = old?.metadata ?? {};
    const isAsked = !Bun.deepEquals(old?.spec, object.spec);
    const metadata = {
      uid: old?.metadata.uid ?? crypto.randomUUID(),
      generation,
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...object.metadata,
      ...(isAsked && { generation: generation + 1 }),
      resourceVersion: String(++this.#revision),
    };
    const made = { apiVersion: "netloom.dev/v1alpha1", kind, ...object, metadata } as Loose;
    this.objects.set(key, made);
    this.#tell({ type: old ? "MODIFIED" : "ADDED", object: made });
    return made;
  }

  remove(plural: string, name: { readonly namespace?: string; readonly name: string }): void {
    const key = objectKey(plural, name);
    const object = this.objects.get(key);
    if (!object) return;
    this.objects.delete(key);
    const metadata = { ...object.metadata, resourceVersion: String(++this.#revision) };
    this.#tell({ type: "DELETED", object: { ...object, metadata } });
  }

  port(name: string): Loose | undefined {
    return this.objects.get(objectKey("ports", { namespace: "default", name }));
  }

  ports(): Loose[] {
    return [...this.objects.values()].filter(({ kind }) => kind === "Port");
  }

  #tell(event: WatchEvent): void {
    for (const watcher of this.#watchers) watcher(event);
  }

  async #serve(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, namespace, plural = "", name, sub] = apiPath.exec(url.pathname) ?? [];
    if (sub === "nodespec") return this.#watch(url.searchParams.get("resourceVersion"));
    const key = objectKey(plural, { namespace, name: name ?? "" });
    const known = this.objects.get(key);
    if (request.method === "POST") return this.#create(plural, namespace, await request.json());
    if (!known) return status(404, `${plural} "${name}" not found`);
    if (request.method === "PATCH") {
      const patch = (await request.json()) as Partial<Loose>;
      const read = patch.metadata?.resourceVersion ?? known.metadata.resourceVersion;
      if (read !== known.metadata.resourceVersion) return status(409, `${key} has been modified`);
      const merged = merge(known, patch) as Loose;
      return Response.json(this.#stored(plural, merged));
    }
    if (request.method === "PUT") {
      const next = (await request.json()) as Loose;
      if (this.refuses(plural)) return status(503, "not now");
      if (next.metadata.resourceVersion !== this.objects.get(key)!.metadata.resourceVersion)
        return status(409, `${key} has been modified`);
      return Response.json(this.#stored(plural, next));
    }
    if (request.method === "DELETE") this.remove(plural, { namespace, name: name! });
    return Response.json(known);
  }

  #create(plural: string, namespace: string | undefined, object: any): Response {
    const key = objectKey(plural, { namespace, name: object.metadata.name });
    if (this.objects.has(key)) return status(409, `${key} already exists`);
    return Response.json(this.put(plural, object), { status: 201 });
  }

  /** Lends the blocks that a host says it wants: each subnet's /26 or /122 in turn. */
  #stored(plural: string, object: Loose): Loose {
    const stored = this.put(plural, object);
    if (plural !== "hosts" || stored.metadata.deletionTimestamp) return stored;
    for (const wanted of (stored.status?.wantedBlocks ?? []).filter(this.lends))
      this.#lend(wanted, stored.metadata.name);
    return stored;
  }

  #lend(wanted: string, host: string): void {
    const [namespace = "", name = ""] = wanted.split("/");
    const subnet = this.objects.get(objectKey("subnets", { namespace, name }));
    const lent = [...this.objects.values()].filter(
      ({ kind, spec }) =>
        kind === "IPBlock" && spec.subnet.namespace === namespace && spec.subnet.name === name,
    ).length;
    const { family, address, length } = parsePrefix(subnet!.spec.cidr);
    const cidr = formatPrefix({
      ...{ family, address: address + 64n * BigInt(lent) },
      length: Math.max(length, family === 4 ? 26 : 122),
    });
    this.put("ipblocks", {
      metadata: { name: blockName({ namespace, name }, parsePrefix(cidr)) },
      spec: { subnet: { namespace, name }, cidr, host, lease: crypto.randomUUID(), claims: [] },
      status: {},
    });
  }

  /** It remembers no events: who goes on from an earlier one begins anew. */
  #watch(since: string | null): Response {
    if (since !== null && since !== String(this.#revision)) return status(410, "too old");
    const encoder = new TextEncoder();
    let watcher: ((event: WatchEvent) => void) | undefined;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        watcher = (event) => controller.enqueue(encoder.encode(`${JSON.stringify(event)}\n`));
        this.#watchers.add(watcher);
        if (since !== null) return;
        for (const object of this.objects.values()) watcher({ type: "ADDED", object });
        watcher({
          type: "BOOKMARK",
          object: {
            apiVersion: "v1",
            kind: "Bookmark",
            metadata: {
              resourceVersion: String(this.#revision),
              annotations: { [initialEventsEnd]: "true" },
            },
          } as unknown as ApiObject,
        });
      },
      cancel: () => void (watcher && this.#watchers.delete(watcher)),
    });
    return new Response(stream);
  }
}

const status = (code: number, message: string): Response =>
  Response.json({ kind: "Status", code, message }, { status: code });

/** RFC 7386. */
function merge(target: any, patch: any): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const merged = { ...(typeof target === "object" && !Array.isArray(target) ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

/** Drives all that can be done with objects of one kind, by the client library. */
import type { Client } from "../../src/api/client/client.ts";
import { pathOf } from "../../src/api/client/requests.ts";
import type { ObjectName, Part, Resource } from "../../src/api/client/resource.ts";
import { hasStatus } from "../../src/api/discovery.ts";
import { apiVersionOf, type Kind } from "../../src/api/kind.ts";
import { ApiError } from "../../src/api/status-error.ts";
import { samples } from "./samples.ts";

type AnyKind = Kind<any, any>;

const writing = { dryRun: true, fieldManager: "driver", fieldValidation: "Strict" } as const;
const mine = { drive: "yes" };

export class Drive {
  readonly #client: Client;
  readonly #kind: AnyKind;
  readonly #all: Resource<any>;
  readonly #namespace: { readonly namespace?: string };
  #made = 0;

  constructor(client: Client, kind: AnyKind, namespace: string) {
    this.#client = client;
    this.#kind = kind;
    this.#all = client.of(kind);
    this.#namespace = kind.namespaced ? { namespace } : {};
  }

  /** What users may do with kinds of theirs. */
  async whole(): Promise<void> {
    const object = await this.#create();
    const name = { ...this.#namespace, name: object.metadata.name as string };
    await this.#create();
    await this.lists();
    await this.reads(name);
    await this.#changes(this.#all, name, (live) => ({ ...live, metadata: labelled(live) }));
    await this.#jsonPatch(pathOf(this.#kind, name));
    await this.#applies();
    if (hasStatus(this.#kind)) await this.status(name, this.#sample(0).status!);
    await this.#deletes(name);
    await this.#deletesAll();
    await this.#failures();
  }

  /** As parts, of a version, by selectors, as events; in the namespace and everywhere. */
  async lists(): Promise<void> {
    for (const place of this.#kind.namespaced ? [this.#namespace, {}] : [{}]) {
      const selection = {
        ...place,
        labelSelector: "!absent",
        fieldSelector: "metadata.name!=none",
      };
      const first = await this.#all.list({ ...selection, limit: 1 });
      await Array.fromAsync(this.#all.each({ ...selection, limit: 1 }));
      const { resourceVersion } = first.metadata;
      for (const resourceVersionMatch of ["NotOlderThan", "Exact"] as const) {
        await this.#all.list({ ...place, resourceVersion, resourceVersionMatch });
      }
      const watching = { ...selection, timeoutSeconds: 1 };
      await Promise.all([
        Array.fromAsync(this.#all.watch({ ...watching, sendInitialEvents: true })),
        Array.fromAsync(this.#all.watch({ ...watching, resourceVersion })),
      ]);
      await refused(this.#all.list({ ...place, labelSelector: "a in" }), 400);
    }
  }

  async reads(name: ObjectName): Promise<void> {
    await this.#all.get(name);
    await refused(this.#all.get({ ...name, name: "none" }), 404);
  }

  async status(name: ObjectName, status: object): Promise<void> {
    const part = this.#all.status;
    await part.get(name);
    await refused(part.get({ ...name, name: "none" }), 404);
    await this.#changes(part, name, (live) => ({ ...live, status: { ...live.status, ...status } }));
    await this.#jsonPatch(`${pathOf(this.#kind, name)}/status`);
    const draft = { metadata: name, status };
    await part.apply(draft, { ...writing, fieldManager: "driver", force: true });
    await part.apply(draft, { fieldManager: "driver", force: true });
  }

  #sample(at: number) {
    const sample = samples[this.#kind.kind];
    if (!sample) throw new Error(`There is no sample of kind ${this.#kind.kind}`);
    return sample(at);
  }

  #draft(labels: Readonly<Record<string, string>> = mine) {
    const at = ++this.#made;
    const metadata = { ...this.#namespace, name: `${this.#kind.singular}-${at}`, labels };
    return { metadata, spec: this.#sample(at).spec };
  }

  async #create(more: object = {}, labels?: Readonly<Record<string, string>>): Promise<any> {
    const draft = this.#draft(labels);
    await this.#all.create(draft, writing);
    const made = { ...draft, metadata: { ...draft.metadata, ...more } };
    const object = await this.#all.create(made, { fieldManager: "driver" });
    await this.#yaml("POST", pathOf(this.#kind, this.#namespace), this.#draft());
    return object;
  }

  /** JSON is YAML. */
  async #yaml(method: string, path: string, body: object): Promise<void> {
    const { kind } = this.#kind;
    const typed = { apiVersion: apiVersionOf(this.#kind), kind, ...body };
    const sent = { body: typed, contentType: "application/yaml", query: { dryRun: "All" } };
    await this.#client.json(path, { method, ...sent });
  }

  async #changes(part: Part<any>, name: ObjectName, changed: (live: any) => any): Promise<void> {
    const live = await part.get(name);
    await part.replace(changed(live), writing);
    await part.replace(changed(await part.get(name)));
    const path = pathOf(this.#kind, name) + (part === this.#all ? "" : "/status");
    await this.#yaml("PUT", path, changed(await part.get(name)));
    await refused(
      part.replace({ ...live, metadata: { ...live.metadata, resourceVersion: "1" } }),
      409,
    );
    await part.mergePatch(name, { metadata: { annotations: { a: "b" } } }, writing);
    await part.mergePatch(name, { metadata: { annotations: { a: "b" } } });
    await refused(part.mergePatch({ ...name, name: "none" }, {}), 404);
    if (this.#kind.group === "") {
      const contentType = "application/strategic-merge-patch+json";
      await this.#client.json(path, { method: "PATCH", body: {}, contentType });
    }
  }

  async #jsonPatch(path: string): Promise<void> {
    const body = [{ op: "test", path: "/kind", value: this.#kind.kind }];
    const contentType = "application/json-patch+json";
    await this.#client.json(path, { method: "PATCH", body, contentType });
  }

  /** Where there is none it is made. */
  async #applies(): Promise<void> {
    const draft = this.#draft();
    const options = { ...writing, force: true };
    await this.#all.apply(draft, options);
    await this.#all.apply(draft, { ...options, dryRun: false });
    await this.#all.apply(draft, { ...options, dryRun: false });
    await this.#all.delete(draft.metadata);
  }

  async #deletes(name: ObjectName): Promise<void> {
    const held = await this.#create({ finalizers: ["driver.example/hold"] });
    const heldName = { ...this.#namespace, name: held.metadata.name };
    const going: any = await this.#all.delete(heldName);
    if (going.kind !== this.#kind.kind) throw new Error(`A held ${going.kind} went at once`);
    await this.#all.mergePatch(heldName, { metadata: { finalizers: null } });
    await this.#all.delete(name, { ...policy, dryRun: true });
    await this.#client.json(pathOf(this.#kind, name), {
      method: "DELETE",
      query: { ...policy, dryRun: "All" },
    });
    const { uid } = (await this.#all.get(name)).metadata;
    await this.#all.delete(name, { ...policy, preconditions: { uid } });
    await refused(this.#all.delete({ ...name, name: "none" }), 404);
  }

  async #deletesAll(): Promise<void> {
    const selection = { ...this.#namespace, labelSelector: "drive=end" };
    await this.#create({}, { drive: "end" });
    const path = pathOf(this.#kind, this.#namespace);
    const query = { ...policy, dryRun: "All", labelSelector: "drive=end" };
    await this.#client.json(path, { method: "DELETE", query });
    await this.#all.deleteCollection({ ...selection, fieldSelector: "metadata.name!=none" });
    await refused(this.#all.deleteCollection({ ...this.#namespace, labelSelector: "a in" }), 400);
    // What is in a namespace or on a host goes first.
    while ((await this.#all.list(selection)).items.length > 0) await Bun.sleep(20);
  }

  async #failures(): Promise<void> {
    const draft = this.#draft();
    const metadata = { ...draft.metadata, name: "Not A Name" };
    await refused(this.#all.create({ ...draft, metadata }), 422);
  }
}

const policy = { propagationPolicy: "Background", gracePeriodSeconds: 0 } as const;

const labelled = ({ metadata }: any) => ({
  ...metadata,
  labels: { ...metadata.labels, changed: "yes" },
});

/** Throws unless it is refused with this code. */
async function refused(call: Promise<unknown>, code: number): Promise<void> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof ApiError && error.code === code) return;
  throw new Error(`It was not refused with ${code}`, { cause: error });
}

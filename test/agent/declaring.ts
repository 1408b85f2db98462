/** Objects of a control plane, as tests declare and read them. */
import type { Client } from "../../src/api/client/client.ts";
import type { Resource } from "../../src/api/client/resource.ts";
import { apiVersionOf } from "../../src/api/kind.ts";
import { kinds } from "../../src/api/kinds/index.ts";
import type { ApiObject } from "../../src/api/object.ts";

const namespace = "default";

export abstract class Declaring {
  abstract readonly client: Client;

  /** Makes an object, of the namespace `default` where its kind has one. */
  async create(kind: string, name: string, spec: object, metadata: object = {}): Promise<void> {
    const apiVersion = apiVersionOf(kindOf(kind));
    const placed = { ...placeOf(kind, name), ...metadata };
    await this.#of(kind).create({ apiVersion, kind, metadata: placed, spec });
  }

  async change(kind: string, name: string, patch: object): Promise<void> {
    await this.#of(kind).mergePatch(placeOf(kind, name), patch);
  }

  async changeStatus(kind: string, name: string, status: object): Promise<void> {
    await this.#of(kind).status.mergePatch(placeOf(kind, name), { status });
  }

  /** `cascade`: what refers to it goes first. */
  async delete(kind: string, name: string, { cascade = false } = {}): Promise<void> {
    const propagationPolicy = cascade ? "Foreground" : "Background";
    await this.#of(kind).delete(placeOf(kind, name), { propagationPolicy });
  }

  async all(kind: string): Promise<ApiObject<any, any>[]> {
    return [...(await this.#of(kind).list()).items];
  }

  async find(kind: string, name: string): Promise<ApiObject<any, any> | undefined> {
    return await this.#of(kind).find(placeOf(kind, name));
  }

  #of = (kind: string): Resource<ApiObject<any, any>> => this.client.of(kindOf(kind)) as never;

  /** A network with subnets: the first has its name, the next `<name>-2` and so on. */
  async network(name: string, spec: object, ...subnets: readonly object[]): Promise<void> {
    await this.create("Network", name, spec);
    for (const [i, subnet] of subnets.entries()) {
      await this.create("Subnet", i === 0 ? name : `${name}-${i + 1}`, {
        network: name,
        ...subnet,
      });
    }
  }
}

const kindOf = (kind: string) => kinds.find((each) => each.kind === kind)!;
const placeOf = (kind: string, name: string) =>
  kindOf(kind).namespaced ? { namespace, name } : { name };

/** Brings the guard's table in line: addresses first, then what drops. The thin edge. */
import { NftError } from "../../kernel/nft/error.ts";
import { KernelNft } from "../../kernel/nft/kernel-nft.ts";
import type { NftChange, NftElement } from "../../kernel/nft/nft.ts";
import { vxlanGuardTable } from "../../model/encapsulation.ts";
import { hostNetns, type NftValue } from "../../model/kernel-object.ts";
import { type guardSets, type Segment, vxlanGuard } from "./guard-table.ts";

type SetName = keyof typeof guardSets;

const sets = ["hosts4", "hosts6", "ports"] as const;

interface InForce {
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

type Element = readonly [SetName, NftValue];

const portElement = (l4Port: number): Element => ["ports", { l4Port }];

const placeOf = (address: string): Element =>
  address.includes(":") ? ["hosts6", { ipv6: address }] : ["hosts4", { ipv4: address }];

export class GuardKernel implements Disposable {
  readonly #nft: KernelNft;
  readonly #instance: string;
  readonly #table: { readonly family: "inet"; readonly name: string };

  /** `instance`: the agent's. Throws SysError, NetnsError. */
  constructor(instance: string, netns: string = hostNetns) {
    this.#nft = new KernelNft(netns);
    this.#instance = instance;
    this.#table = { family: "inet", name: vxlanGuardTable(instance) };
  }

  [Symbol.dispose](): void {
    this.#nft[Symbol.dispose]();
  }

  /** Lets these through as well, where the table is there. Throws NftError. */
  grow(addresses: ReadonlySet<string>): void {
    const here = this.#read();
    if (here) this.#add(here, addresses);
  }

  /**
   * Has packets of the segments dropped that come from none of these addresses. Gives whether
   * rules had to be made, and the addresses in force beside them. Throws NftError.
   */
  bring(segments: readonly Segment[], addresses: ReadonlySet<string>) {
    const here = this.#read() ?? this.#open();
    // Nothing may be dropped before all addresses are in force.
    this.#add(here, addresses);
    const ports = new Set(segments.map(({ port }) => port));
    const more = [...ports].filter((port) => !here.ports.includes(port));
    this.#change("add", more.map(portElement));
    const isChanged = this.#nft.ensure([vxlanGuard(this.#instance, segments)]);
    this.#change("delete", here.ports.filter((port) => !ports.has(port)).map(portElement));
    return { isChanged, strays: here.addresses.filter((one) => !addresses.has(one)) };
  }

  /** Lets these through no longer. Throws NftError. */
  shrink(addresses: readonly string[]): void {
    this.#change("delete", addresses.map(placeOf));
  }

  /** Gives whether there was one. Throws NftError. */
  remove(): boolean {
    if (!this.#nft.present([this.#table])[0]) return false;
    this.#nft.change([{ op: "delete-table", ...this.#table }]);
    return true;
  }

  /** Makes what drops nothing. */
  #open(): InForce {
    this.#nft.ensure([vxlanGuard(this.#instance, [])]);
    return this.#read()!;
  }

  /** Undefined: table or sets are missing. */
  #read(): InForce | undefined {
    try {
      const [hosts4, hosts6, ports] = sets.map((set) => this.#values(set));
      return { addresses: [...hosts4!, ...hosts6!] as string[], ports: ports as number[] };
    } catch (error) {
      if (error instanceof NftError && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  #values(set: SetName): (string | number)[] {
    const { family, name: table } = this.#table;
    const found = this.#nft.elements({ family, table, set });
    return found.flatMap(({ key: [value] }) => Object.values(value!) as (string | number)[]);
  }

  #add({ addresses: known }: InForce, addresses: ReadonlySet<string>): void {
    const here = new Set(known);
    this.#change("add", [...addresses].filter((one) => !here.has(one)).map(placeOf));
  }

  #change(op: "add" | "delete", values: readonly Element[]): void {
    if (values.length === 0) return;
    const { family, name: table } = this.#table;
    this.#nft.change(
      values.map(([set, value]): NftChange => {
        const element: NftElement = { kind: "nft-element", family, table, set, key: [value] };
        return { op, element };
      }),
    );
  }
}

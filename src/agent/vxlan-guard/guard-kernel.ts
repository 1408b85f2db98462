/** Brings the guard's table in line: addresses first, then what drops. The thin edge. */
import { NftError } from "../../kernel/nft/error.ts";
import { KernelNft } from "../../kernel/nft/kernel-nft.ts";
import type { NftChange, NftElement } from "../../kernel/nft/nft.ts";
import { vxlanGuardTable } from "../../model/encapsulation.ts";
import { hostNetns, type NftValue } from "../../model/kernel-object.ts";
import { guardSets, type Segment, vxlanGuard } from "./guard-table.ts";

type SetName = keyof typeof guardSets;

const placeOf = (address: string): readonly [SetName, NftValue] =>
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
    if (!this.#isWhole()) return;
    const here = new Set(this.#addresses());
    this.#change("add", [...addresses].filter((one) => !here.has(one)).map(placeOf));
  }

  /**
   * Has packets of the segments dropped that come from none of these addresses. Gives whether
   * rules had to be made, and the addresses in force beside them. Throws NftError.
   */
  bring(segments: readonly Segment[], addresses: ReadonlySet<string>) {
    // Nothing may be dropped before all addresses are in force.
    if (!this.#isWhole()) this.#nft.ensure([vxlanGuard(this.#instance, [])]);
    this.grow(addresses);
    const ports = new Set(segments.map(({ port }) => port));
    const before = this.#elements("ports").map((value) => (value as { l4Port: number }).l4Port);
    const element = (l4Port: number) => ["ports", { l4Port }] as const;
    this.#change("add", [...ports].filter((port) => !before.includes(port)).map(element));
    const isChanged = this.#nft.ensure([vxlanGuard(this.#instance, segments)]);
    this.#change("delete", before.filter((port) => !ports.has(port)).map(element));
    return { isChanged, strays: this.#addresses().filter((one) => !addresses.has(one)) };
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

  /** Whether it has all of its sets. */
  #isWhole(): boolean {
    try {
      for (const set of Object.keys(guardSets)) this.#elements(set as SetName);
      return true;
    } catch (error) {
      if (error instanceof NftError && error.code === "ENOENT") return false;
      throw error;
    }
  }

  #elements(set: SetName): NftValue[] {
    const { family, name: table } = this.#table;
    return this.#nft.elements({ family, table, set }).map(({ key }) => key[0]!);
  }

  #addresses(): string[] {
    return (["hosts4", "hosts6"] as const).flatMap((set) =>
      this.#elements(set).map((value) => Object.values(value)[0] as string),
    );
  }

  #change(op: "add" | "delete", values: readonly (readonly [SetName, NftValue])[]): void {
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

/** nftables of the kernel: libnftables for what is static, our own messages for the rest. */

import { DecodeError } from "../../lib/bytes.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import type { NftMapSpec, NftSetSpec, NftTableSpec } from "../../model/nft.ts";
import { NetlinkError } from "../netlink/error.ts";
import type { Message, Request } from "../netlink/message.ts";
import { NetlinkSocket, type Outcome } from "../netlink/socket.ts";
import { inNetns, inNetnsFd } from "../netns/netns.ts";
import { closeSync, openSync } from "../sys/files.ts";
import * as elements from "./elements.ts";
import { NftError } from "./error.ts";
import { Libnftables } from "./libnftables.ts";
import { readListing } from "./listing.ts";
import type {
  Nft,
  NftChain,
  NftChainName,
  NftChainState,
  NftChange,
  NftElement,
  NftElementName,
  NftListing,
  NftRule,
  NftSetName,
  NftTableName,
} from "./nft.ts";
import * as objects from "./objects.ts";
import {
  chainsScript,
  type MarkedChain,
  markedChain,
  markedChains,
  type TableState,
  tableScript,
} from "./spec.ts";
import { transact } from "./transaction.ts";

const maxTries = 3;
/** What an install may meet when another process changes the same table meanwhile. */
const raced = ["ENOENT", "EEXIST", "EBUSY"];

/** Keeps a socket and a descriptor of its namespace: dispose of it. */
export class KernelNft implements Nft, Disposable {
  private readonly socket: NetlinkSocket;
  private readonly netns: number;
  private library: Libnftables | undefined;

  /** Works in the namespace at `path`, by default in the one that the thread is in. */
  constructor(path: string = hostNetns) {
    this.netns = openSync(path === hostNetns ? "/proc/thread-self/ns/net" : path, "r");
    this.socket = inNetns(path, () => new NetlinkSocket("netfilter"));
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
    this.library?.[Symbol.dispose]();
    closeSync(this.netns);
  }

  ensure(tables: readonly NftTableSpec[]): boolean {
    for (let tries = 1; ; tries++) {
      const broken = tables.filter((table) => !this.intact([table]));
      if (broken.length === 0) return false;
      try {
        this.install(broken, false);
        return true;
      } catch (error) {
        if (!(error instanceof NftError && raced.includes(error.code)) || tries === maxTries) {
          throw error;
        }
      }
    }
  }

  check(tables: readonly NftTableSpec[]): void {
    this.install(tables, true);
  }

  private install(tables: readonly NftTableSpec[], checkOnly: boolean): void {
    const script = tables.flatMap((table) => tableScript(table, this.state(table)));
    const names = tables.map((table) => `"${table.family} ${table.name}"`).join(" and ");
    this.run(script, `install table ${names}`, checkOnly);
  }

  intact(tables: readonly NftTableSpec[]): boolean {
    return tables.every((table) => this.holds(table, markedChains(table)));
  }

  ensureChains(chains: readonly NftChain[]): boolean {
    const broken = chains.filter((chain) => !this.intactChains([chain]));
    if (broken.length === 0) return false;
    const script = broken.flatMap((chain) =>
      chainsScript(`${chain.family} ${chain.table}`, [markedChain(chain)]),
    );
    const names = broken.map((chain) => `"${chain.family} ${chain.table} ${chain.chain}"`);
    this.run(script, `install chain ${names.join(" and ")}`, false);
    return true;
  }

  intactChains(chains: readonly NftChain[]): boolean {
    return chains.every((chain) => {
      const table = { family: chain.family, name: chain.table };
      return this.holds(table, [markedChain(chain)], chain.chain);
    });
  }

  /** Whether these chains hold exactly the rules they should. `only` reads just that chain's. */
  private holds(table: NftTableName, wanted: readonly MarkedChain[], only?: string): boolean {
    const found = new Map<string, (string | undefined)[]>();
    for (const message of this.dump(objects.listRules(table, only), true)) {
      const { chain, comment } = objects.readRuleComment(message);
      const comments = found.get(chain);
      if (comments) comments.push(comment);
      else found.set(chain, [comment]);
    }
    const empty: NftChainName[] = [];
    for (const { name, rules, kept } of wanted) {
      const place = { family: table.family, table: table.name, chain: name };
      if (kept) {
        // In a whole table a rule leads to it, so that it cannot lack.
        if (only !== undefined) empty.push(place);
        continue;
      }
      const comments = found.get(name) ?? [];
      if (comments.length !== rules.length) return false;
      if (!rules.every(({ mark }, i) => comments[i] === mark)) return false;
      if (rules.length === 0) empty.push(place);
    }
    // A table without any rule to see may lack altogether.
    const asked = found.size === 0 ? [table, ...empty] : empty;
    return this.present(asked).every(Boolean);
  }

  private state(table: NftTableSpec): TableState {
    const { family, name } = table;
    const sets: (NftSetSpec & Partial<NftMapSpec>)[] = [...table.sets, ...table.maps];
    const names = sets.map((set) => ({ family, table: name, set: set.name }));
    const outcomes = this.socket.batch(names.map(elements.getSet));
    const mistyped = sets.filter((set, i) => {
      const message = outcomes[i]!.replies[0];
      return message !== undefined && !hasTypes(message, names[i]!, set);
    });
    return { chains: this.chains(table), mistyped: mistyped.map((set) => set.name) };
  }

  change(changes: readonly NftChange[]): void {
    transact(this.socket, changes.map(requestOf));
  }

  element(name: NftElementName): NftElement | undefined {
    const asked = elements.getElement(name);
    const [set, found] = this.socket.batch([elements.getSet(name), asked]);
    const shape = shapeOf(name, set!);
    if (found!.error?.code === "ENOENT") return undefined;
    return decoded(asked, () => elements.readElements(first(found!), shape)[0]);
  }

  find(names: readonly NftElementName[]): (NftElement | undefined)[] {
    const sets = new Map(names.map((name) => [`${name.family} ${name.table} ${name.set}`, name]));
    const asked = names.map(elements.getElement);
    const outcomes = this.socket.batch([...[...sets.values()].map(elements.getSet), ...asked]);
    const shapes = new Map(
      [...sets].map(([key, name], i) => [key, presentShape(name, outcomes[i]!)]),
    );
    return names.map((name, i) => {
      const found = outcomes[sets.size + i]!;
      const shape = shapes.get(`${name.family} ${name.table} ${name.set}`);
      if (!shape || found.error?.code === "ENOENT") return undefined;
      return decoded(asked[i]!, () => elements.readElements(first(found), shape)[0]);
    });
  }

  elements(set: NftSetName): NftElement[] {
    const asked = elements.listElements(set);
    const shape = shapeOf(set, this.socket.batch([elements.getSet(set)])[0]!);
    const messages = this.dump(asked, false);
    return decoded(asked, () => messages.flatMap((item) => elements.readElements(item, shape)));
  }

  present(names: readonly (NftTableName | NftChainName)[]): boolean[] {
    const asked = names.map((name) =>
      "chain" in name ? objects.getChain(name) : objects.getTable(name),
    );
    return this.socket.batch(asked).map((outcome) => {
      if (outcome.error && outcome.error.code !== "ENOENT") {
        throw NftError.fromNetlink(outcome.error);
      }
      return outcome.error === undefined;
    });
  }

  rules(name: NftChainName): NftRule[] {
    const asked = objects.listRules({ family: name.family, name: name.table }, name.chain);
    // The kernel lists no rules of a chain that does not exist, without a word.
    const [chain] = this.socket.batch([objects.getChain(name)]);
    if (chain?.error) throw NftError.fromNetlink(chain.error);
    const messages = this.dump(asked, false);
    return decoded(asked, () => messages.map(objects.readRule));
  }

  chains(table: NftTableName): NftChainState[] {
    const asked = objects.listChains(table);
    const messages = this.dump(asked, true);
    return decoded(asked, () =>
      messages
        .map((message) => objects.readChain(message, table.family))
        .filter((chain) => chain.table === table.name)
        .map(({ table: _, ...chain }) => chain),
    );
  }

  /** Names of all tables of a family. Throws NftError. */
  tables(family: NftTableName["family"]): string[] {
    const asked = objects.listTables(family);
    const messages = this.dump(asked, true);
    return decoded(asked, () => messages.map(objects.readTableName));
  }

  /** Puts a rule before all others of a chain, which may be a foreign one. Throws NftError. */
  insertRule({ family, table, chain }: NftChainName, rule: string, comment: string): void {
    const at = `${family} ${table} ${chain}`;
    this.run([`insert rule ${at} ${rule} comment "${comment}"`], `insert rule in "${at}"`, false);
  }

  list(name: NftTableName): NftListing | undefined {
    const op = `list table "${name.family} ${name.name}"`;
    const command = `list table ${name.family} ${name.name}`;
    if (!this.present([name])[0]) return undefined;
    const hooks = new Map(this.chains(name).map((chain) => [chain.name, chain.hook]));
    return this.withLibrary((library) => {
      const json = library.listJson(command, { op });
      return readListing({ name, json, printed: library.listText(command, { op }), hooks });
    });
  }

  private run(script: readonly string[], op: string, checkOnly: boolean): void {
    this.withLibrary((library) => library.run(script.join("\n"), { op, checkOnly }));
  }

  private withLibrary<T>(work: (library: Libnftables) => T): T {
    const done = inNetnsFd(this.netns, () => {
      this.library ??= new Libnftables();
      return { value: work(this.library) };
    });
    return done.value;
  }

  private dump(asked: Request, orNothing: boolean): Message[] {
    try {
      return this.socket.dump(asked);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      if (orNothing && error.code === "ENOENT") return [];
      throw NftError.fromNetlink(error);
    }
  }
}

function requestOf(change: NftChange): Request {
  switch (change.op) {
    case "add":
      return elements.addElement(change.element, change.exclusive);
    case "delete":
      return elements.deleteElement(change.element);
    case "delete-rule":
      return objects.deleteRule(change, change.handle);
    case "delete-chain":
      return objects.deleteChain(change);
    case "delete-table":
      return objects.deleteTable(change);
  }
}

const shapeOf = (name: NftSetName, outcome: Outcome) =>
  decoded(elements.getSet(name), () => elements.readShape(first(outcome), name));

/** The same; undefined if there is no such set. */
const presentShape = (name: NftSetName, outcome: Outcome) =>
  outcome.error?.code === "ENOENT" ? undefined : shapeOf(name, outcome);

/** The one answer to a request. Throws NftError. */
function first(outcome: Outcome): Message {
  if (outcome.error) throw NftError.fromNetlink(outcome.error);
  const message = outcome.replies[0];
  if (!message) throw new DecodeError("the kernel answered nothing", 0);
  return message;
}

/** Runs a decoder; bytes that do not form what they should become an NftError. */
function decoded<T>(asked: Request, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new NftError(asked.op, cause.message, { code: "EBADMSG", cause });
  }
}

function hasTypes(
  message: Message,
  name: elements.SetName,
  want: NftSetSpec & Partial<NftMapSpec>,
): boolean {
  try {
    const shape = elements.readShape(message, name);
    return String(shape.key) === String(want.key) && String(shape.data) === String(want.data);
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

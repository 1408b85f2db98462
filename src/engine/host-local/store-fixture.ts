/** For tests: a store in directories of its own, and a look at its files. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHostLocal } from "../../ipam/host-local-config.ts";
import { formatIp } from "../../lib/ip.ts";
import { type HostLocalStore, openStore, type StoreOptions } from "./store.ts";

export interface StoreFixture extends Disposable {
  readonly options: StoreOptions;
  /** The directory of reservations. */
  readonly path: string;
  /** A store as a new process has it. */
  open(): HostLocalStore;
  /** Reserves for `containerId`, "eth0", from these range sets, and gives the addresses. */
  add(containerId: string, ipam: unknown, ifName?: string): string[];
  /** Releases, and gives the addresses that were held. */
  del(containerId: string, ifName?: string): string[];
  find(containerId: string, ifName?: string): string[];
  /** Every file and its content. */
  files(): Record<string, string>;
  /** Writes a file among the reservations, as another program would. */
  write(name: string, content: string): void;
  /** Paths of the saved index and of the boot marker. */
  readonly index: string;
  readonly marker: string;
}

/** Range sets of a configuration's `ipam` object; a text is one subnet. */
export function rangeSetsOf(ipam: unknown, ips: readonly string[] = []) {
  const whole = typeof ipam === "string" ? { subnet: ipam } : ipam;
  const runtimeConfig = { ips };
  return parseHostLocal({ name: "net", cniVersion: "1.0.0", ipam: whole, runtimeConfig });
}

export function storeFixture(more: Partial<StoreOptions> = {}): StoreFixture {
  const root = mkdtempSync(join(tmpdir(), "netloom-store-"));
  const options = {
    dataDir: `${root}/data`,
    network: "net",
    stateDir: `${root}/state`,
    runDir: `${root}/run`,
    ...more,
  };
  const path = `${root}/data/net`;
  const only = (directory: string) => join(directory, readdirSync(directory)[0] ?? "none");
  const open = () => openStore(options);
  return {
    options,
    path,
    open,
    add(containerId, ipam, ifName = "eth0") {
      const { rangeSets, requested } = rangeSetsOf(ipam);
      const given = open().reserve({ containerId, ifName, rangeSets, requested });
      return given.map(({ address }) => address);
    },
    del: (containerId, ifName = "eth0") => open().release({ containerId, ifName }).map(formatIp),
    find: (containerId, ifName = "eth0") => open().find({ containerId, ifName }).map(formatIp),
    files() {
      const names = readdirSync(path).sort();
      return Object.fromEntries(
        names.map((name) => [name, readFileSync(join(path, name), "utf8")]),
      );
    },
    write: (name, content) => writeFileSync(join(path, name), content),
    get index() {
      return only(`${root}/state/ipam`);
    },
    get marker() {
      return only(`${root}/run/ipam`);
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

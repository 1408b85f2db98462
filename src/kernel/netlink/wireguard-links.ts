/** The WireGuard links of one namespace. */
import { hostNetns } from "../../model/kernel-object.ts";
import type { WireguardChange, WireguardState } from "../../model/wireguard.ts";
import { NetlinkError } from "./error.ts";
import { familyId } from "./generic.ts";
import { NetlinkSocket } from "./socket.ts";
import { getWireguard, readWireguard, setWireguard, wireguardFamily } from "./wireguard.ts";

/** Reads and changes them; that they exist is up to rtnetlink (kind `wireguard`). */
export class WireguardLinks implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #family: number;

  /** Throws MissingModuleError where the kernel has no WireGuard, NetnsError, NetlinkError. */
  constructor(netns: string = hostNetns) {
    this.#socket = new NetlinkSocket("generic", netns);
    try {
      this.#family = familyId(this.#socket, wireguardFamily);
    } catch (error) {
      this.#socket[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /** Undefined where there is no such link. Throws NetlinkError, also of another kind of link. */
  read(name: string): WireguardState | undefined {
    try {
      return readWireguard(this.#socket.dump(getWireguard(this.#family, name)));
    } catch (error) {
      if (error instanceof NetlinkError && error.code === "ENODEV") return undefined;
      throw error;
    }
  }

  /** Throws NetlinkError, and RangeError before anything is sent. */
  change(name: string, change: WireguardChange): void {
    this.#socket.run(setWireguard(this.#family, name, change));
  }
}

/** Throw-away namespaces for tests, with the field's own tools to look inside. */
import { NetlinkSocket } from "../netlink/socket.ts";
import { createNetns, namedNetnsDir, removeNetns } from "./netns.ts";

let made = 0;

/** A fresh, empty namespace; it goes with `using`. */
export class ScratchNetns implements Disposable {
  readonly name: string;
  readonly path: string;

  /** Every name is new: tests may run side by side. */
  constructor(label = "") {
    this.name = `nltest-${process.pid}-${++made}${label === "" ? "" : `-${label}`}`;
    this.path = `${namedNetnsDir}/${this.name}`;
    createNetns(this.path);
  }

  [Symbol.dispose](): void {
    removeNetns(this.path);
  }

  /** A netlink socket of this namespace. */
  socket(protocol: "route" | "netfilter" | "generic" = "route"): NetlinkSocket {
    return new NetlinkSocket(protocol, this.path);
  }

  /** Runs a command inside and gives what it printed. Throws with what it complained of. */
  run(...command: string[]): string {
    const result = Bun.spawnSync(["nsenter", `--net=${this.path}`, ...command]);
    if (result.exitCode !== 0) {
      throw new Error(
        `${command.join(" ")}: ${result.stderr.toString()}${result.stdout.toString()}`,
      );
    }
    return result.stdout.toString();
  }

  /** What a command with JSON output tells: `json("ip", "-j", "link")`. */
  json(...command: string[]): any[] {
    const text = this.run(...command);
    return text.trim() === "" ? [] : JSON.parse(text);
  }
}

/** For tests: what other tools and the kernel said to each other, from the captured file. */
import { readFileSync } from "node:fs";
import { addressLayout } from "./address.ts";
import { bridgeVlanLayout } from "./bridge-vlan.ts";
import { conntrackLayout } from "./conntrack.ts";
import { linkLayout } from "./link.ts";
import { type Layout, type Message, messages } from "./message.ts";
import { neighLayout } from "./neigh.ts";
import { routeLayout } from "./route-table.ts";
import { ruleLayout } from "./rule.ts";

/** A command, the messages it exchanged with the kernel, and what it printed. */
export interface Exchange {
  readonly command: string;
  readonly sent: readonly Message[];
  readonly received: readonly Message[];
  readonly printed: string;
}

const split = (lines: readonly string[], sign: string) =>
  lines.filter((line) => line.startsWith(`${sign} `)).map((line) => line.slice(2));

/** `ip` sends what is behind its question too, as zeros: the kernel stops there. */
function withoutSlack(datagram: Uint8Array): Uint8Array {
  const view = new DataView(datagram.buffer);
  let end = 0;
  while (end < datagram.length && view.getUint32(end, true) > 0) end += view.getUint32(end, true);
  return datagram.subarray(0, end);
}

/** All that was captured. Messages are read once: each caller gets its own. */
export function exchanges(): Exchange[] {
  const text = readFileSync(`${import.meta.dir}/captured-messages.txt`, "utf8");
  const blocks = text.split("\n\n").map((block) => block.split("\n"));
  return blocks.slice(1).map((lines) => ({
    command: lines[0]!.slice(2),
    sent: split(lines, ">").flatMap((hex) => messages(withoutSlack(Uint8Array.fromHex(hex)))),
    received: split(lines, "<").flatMap((hex) => messages(Uint8Array.fromHex(hex))),
    printed: split(lines, "=").join("\n"),
  }));
}

/** The exchange of the command that starts so. */
export function exchange(start: string): Exchange {
  const found = exchanges().find(({ command }) => command.startsWith(start));
  if (!found) throw new Error(`"${start}" was not captured`);
  return found;
}

const bridgeFamily = 7;

/** How a message looks. */
export function layoutOf({ type, body }: Message): Layout<any, any> | undefined {
  if (type >> 8 === 1) return conntrackLayout;
  if (type >= 16 && type < 20) {
    // The family is the first byte of what follows.
    const family = (body as unknown as { bytes: Uint8Array }).bytes[body.at];
    return family === bridgeFamily ? bridgeVlanLayout : linkLayout;
  }
  if (type >= 20 && type < 24) return addressLayout;
  if (type >= 24 && type < 28) return routeLayout;
  if (type >= 28 && type < 32) return neighLayout;
  if (type >= 32 && type < 36) return ruleLayout;
  return undefined;
}

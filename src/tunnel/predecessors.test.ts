/** Which processes are tunnels, by their words. */
import { expect, test } from "bun:test";
import { linkOf } from "./predecessors.ts";

const settings = (link: string) => JSON.stringify({ link, local: [] });

test("a tunnel's process is known by its words, in whatever way it was begun", () => {
  const table: [string[], string | undefined][] = [
    [["netloom", "udp-tunnel", settings("nlu-ipv4"), ""], "nlu-ipv4"],
    [["bun", "src/main.ts", "udp-tunnel", settings("nlu-ipv6")], "nlu-ipv6"],
    [["netloom", "agent"], undefined],
    [["grep", "udp-tunnel"], undefined],
    [["grep", "udp-tunnel", "{"], undefined],
    [["grep", "udp-tunnel", "7"], undefined],
    [["grep", "udp-tunnel", "null"], undefined],
    [[], undefined],
  ];
  for (const [words, link] of table) expect([words, linkOf(words)]).toEqual([words, link]);
});

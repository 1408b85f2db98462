/** Reads a call of the daemon: nothing in it is believed. */
import type { DhcpCall } from "../../model/dhcp.ts";
import {
  integer,
  ipAddress,
  listOf,
  object,
  oneOf,
  optional,
  type Parser,
  text,
  withDefault,
  wrong,
} from "../../model/parse.ts";

const matching =
  (pattern: RegExp, what: string): Parser<string> =>
  (value, path) => {
    const given = text(value, path);
    return pattern.test(given) ? given : wrong(what, given, path);
  };

const cniName = matching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/, "a name as CNI has them");
const linkName = matching(/^(?!\.{1,2}$)[^/:%\s]{1,15}$/, "a link's name");
const absolutePath = matching(/^\/[^\0]*$/, "an absolute path");
const hex = matching(/^(?:[0-9a-f]{2}){0,255}$/, "at most 255 bytes in hexadecimal digits");

const wishes = (lastCode: number) =>
  object({
    request: listOf(integer(1, lastCode)),
    provide: listOf(object({ code: integer(1, lastCode), value: hex })),
    conflictDetection: withDefault(oneOf("fast", "rfc5227", "off"), "fast"),
  });

const holder = object({ containerId: cniName, ifName: linkName, network: cniName });

const verbs: Readonly<Record<DhcpCall["verb"], Parser<any>>> = {
  acquire: object({
    holder,
    netns: absolutePath,
    order: object({
      clientId: hex,
      v4: optional(wishes(254)),
      v6: optional(wishes(0xffff)),
    }),
    keep: listOf(ipAddress),
  }),
  release: object({ holder }),
  giveUp: object({ holder }),
  collect: object({
    network: cniName,
    valid: listOf(object({ containerId: text, ifName: text })),
  }),
  list: object({}),
  status: object({}),
};

const verb = object({ verb: oneOf(...(Object.keys(verbs) as DhcpCall["verb"][])) });

/** Throws ConfigError, and SyntaxError for what is no JSON. */
export function readCall(line: string): DhcpCall {
  const value: unknown = JSON.parse(line);
  const { verb: name } = verb(value, "");
  const call = { verb: name, ...verbs[name](value, "") } as DhcpCall;
  if (call.verb === "acquire" && !call.order.v4 && !call.order.v6) {
    wrong("an order of a family: v4, v6", call.order, "order");
  }
  return call;
}

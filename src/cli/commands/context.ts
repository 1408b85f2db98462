/** `netloom context`: servers that a person uses. */
import { defineCommand, type Flags } from "../command.ts";

const about = `Contexts are kept in $NETLOOM_CONFIG, else in ~/.config/netloom/config.yaml, for its owner alone. Without
any, commands ask this host's own server at $NETLOOM_RUN_DIR/api.sock, else /run/netloom/api.sock.`;

export const contextList = defineCommand({
  name: "context list",
  summary: "Lists contexts; a star marks the current one.",
  usage: [""],
  description: about,
  flags: {},
  examples: [{ does: "", line: "context list" }],
  run: async (call) => (await import("../connection/context.ts")).contextList(call),
});

export const contextUse = defineCommand({
  name: "context use",
  summary: "Makes a context the current one.",
  usage: ["NAME"],
  description: about,
  flags: {},
  operands: ["context"],
  examples: [{ does: "", line: "context use prod" }],
  run: async (call) => (await import("../connection/context.ts")).contextUse(call),
});

export const contextSetFlags = {
  server: {
    takes: "value",
    short: "s",
    value: "URL",
    summary: "unix:/path or https://host:7440; several, with commas, stand in for each other",
  },
  namespace: { takes: "value", short: "n", value: "NAME", summary: "where commands work" },
  ca: {
    takes: "value",
    value: "FILE",
    summary: "certificates that the server's is checked by",
    complete: "file",
  },
  cert: { takes: "value", value: "FILE", summary: "your certificate", complete: "file" },
  key: { takes: "value", value: "FILE", summary: "its key", complete: "file" },
  token: {
    takes: "value",
    value: "TOKEN",
    summary: "your token; others may see it in the list of processes",
  },
  "token-file": {
    takes: "value",
    value: "FILE",
    summary: "the file that holds your token",
    complete: "file",
  },
} as const satisfies Flags;

export const contextSet = defineCommand({
  name: "context set",
  summary: "Makes a context, or changes what is said of one. The first is the current one.",
  usage: ["NAME [OPTION]…"],
  description: about,
  flags: contextSetFlags,
  operands: ["context"],
  examples: [
    {
      does: "three servers that stand in for each other, with a token",
      line: "context set prod --server https://a:7440,https://b:7440,https://c:7440 --ca ca.pem --token-file ci.token",
    },
    { does: "work in another namespace from now on", line: "context set prod -n team-a" },
  ],
  run: async (call) => (await import("../connection/context.ts")).contextSet(call),
});

export const contextRemove = defineCommand({
  name: "context remove",
  summary: "Forgets a context.",
  usage: ["NAME"],
  flags: {},
  operands: ["context"],
  examples: [{ does: "", line: "context remove prod" }],
  run: async (call) => (await import("../connection/context.ts")).contextRemove(call),
});

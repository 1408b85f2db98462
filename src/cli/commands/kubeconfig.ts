/** `netloom kubeconfig`: what kubectl needs to reach the server. */
import { defineCommand, type Flags } from "../command.ts";
import { connectionFlags, namespaceFlag } from "../flags.ts";
import { tokenCreateFlags } from "./ipam.ts";

const { role, tenant, expires } = tokenCreateFlags;
const { server: _, ca: __, token, ...asked } = connectionFlags;

export const kubeconfigFlags = {
  user: {
    takes: "value",
    value: "NAME",
    summary: "make a token for this user, in place of your own",
  },
  role: { ...role, summary: "that token counts for no more than this role" },
  tenant: { ...tenant, summary: "that token counts in this tenant alone" },
  expires: { ...expires, summary: "that token ends after so long: 24h, 90d (never)" },
  "token-file": {
    takes: "value",
    value: "FILE",
    summary: "the file that holds the token",
    complete: "file",
  },
  ca: {
    takes: "value",
    value: "FILE",
    summary: "what the server's certificate is checked by (the context's, or this host's own)",
    complete: "file",
  },
  ...namespaceFlag,
  server: {
    takes: "value",
    short: "s",
    value: "URL",
    summary: "where kubectl finds the server: https://host:7440 (the context's)",
  },
  token: { ...token, summary: "the token (the context's)" },
  ...asked,
} as const satisfies Flags;

export const kubeconfigCommand = defineCommand({
  name: "kubeconfig",
  summary: "Prints a configuration for kubectl: the server, its authority, and a token.",
  usage: ["[OPTION]…"],
  description: `It holds the token: keep it for its owner alone. A token for --user is made by the server of the
context, or this host's own; what the user may do is said by grants. The authority of a server of this
host that was given no certificates is $NETLOOM_STATE_DIR/pki/ca.crt, else
/var/lib/netloom/pki/ca.crt.`,
  flags: kubeconfigFlags,
  examples: [
    {
      does: "for another, on the server's host",
      line: "$ (umask 077; netloom kubeconfig --user ann --expires 90d --server https://a:7440 > ann.kubeconfig)",
    },
    {
      does: "from a token that was made before",
      line: "kubeconfig --server https://a:7440 --ca ca.crt --token-file ci.token",
    },
    { does: "from the current context", line: "$ netloom kubeconfig > ~/.kube/netloom" },
  ],
  run: async (call) => (await import("../objects/kubeconfig.ts")).printKubeconfig(call),
});

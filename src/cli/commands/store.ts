/** `netloom store`: copies where the control plane keeps objects, as a whole. */
import { defineCommand, type Flags } from "../command.ts";

const urls = `A store's URL is sqlite:/path, or
etcd:https://a:2379,https://b:2379?ca=FILE&cert=FILE&key=FILE`;

const afterwards = `Clients that watch a copied store list everything anew: revisions go on above all that they saw.
${urls}`;

const store = { takes: "value", value: "URL" } as const;

export const backupFlags = {
  store: { ...store, summary: "the store (sqlite:<state-dir>/store.db)" },
} as const satisfies Flags;

export const storeBackup = defineCommand({
  name: "store backup",
  summary: "Writes all of a store to a file, while servers use it.",
  usage: ["FILE"],
  description: `The file is whole at one moment, replaced as a whole, and for root alone to read. It holds hashes of
tokens, and may be restored to a store of either kind. The directory is $NETLOOM_STATE_DIR, else
/var/lib/netloom. ${urls}`,
  flags: backupFlags,
  operands: ["file"],
  examples: [
    { does: "of this host's own server", line: "store backup /var/backups/netloom.store" },
    {
      does: "of etcd",
      line: "store backup netloom.store --store 'etcd:https://a:2379?ca=/ca.pem&cert=/c.pem&key=/k.pem'",
    },
  ],
  run: async (call) => (await import("../store.ts")).backupStore(call),
});

export const restoreFlags = {
  store: { ...store, summary: "the store to fill" },
} as const satisfies Flags;

export const storeRestore = defineCommand({
  name: "store restore",
  summary: "Fills an empty store from a backup.",
  usage: ["FILE --store URL"],
  description: `No server may use it meanwhile. What came after the backup is forgotten: once the server runs, agents take
away the networks and ports that it does not know, within moments and with the links of containers
that run on them, and addresses that were given since may be given again. So restore the last backup,
and stop agents until the files of what is younger are applied again.
${afterwards}`,
  flags: restoreFlags,
  operands: ["file"],
  examples: [
    {
      does: "into a new file, after the old one was moved away",
      line: "store restore netloom.store --store sqlite:/var/lib/netloom/store.db",
    },
  ],
  run: async (call) => (await import("../store.ts")).restoreStore(call),
});

export const migrateFlags = {
  from: { ...store, summary: "the store to copy" },
  to: { ...store, summary: "the empty store to fill" },
} as const satisfies Flags;

export const storeMigrate = defineCommand({
  name: "store migrate",
  summary: "Copies a store into an empty one, of the same kind or the other.",
  usage: ["--from URL --to URL"],
  description: `Stop the servers of both first; start them with the new --store afterwards. The old store stays as it
is. ${afterwards}`,
  flags: migrateFlags,
  examples: [
    {
      does: "from one host's file to etcd",
      line: "store migrate --from sqlite:/var/lib/netloom/store.db --to 'etcd:https://a:2379?ca=/ca.pem&cert=/c.pem&key=/k.pem'",
    },
  ],
  run: async (call) => (await import("../store.ts")).migrateStore(call),
});

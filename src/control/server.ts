/** A server of the control plane: store, API and reconcilers in one. */

import { apiVersionOf } from "../api/kind.ts";
import { kinds } from "../api/kinds/index.ts";
import { namespaceKind } from "../api/kinds/namespace.ts";
import type { ApiObject } from "../api/object.ts";
import type { Log } from "../lib/log.ts";
import { GrantedAccess } from "./access/access.ts";
import { AuditFile } from "./access/audit-file.ts";
import { AuditLog } from "./access/audit-log.ts";
import { Directory } from "./access/directory.ts";
import type { Limits } from "./access/limits.ts";
import { listenOnTls } from "./access/tls/listen.ts";
import type { TlsFiles } from "./access/tls/material.ts";
import { createApp } from "./http/app.ts";
import { type Answer, type Listening, listenOnSocket } from "./http/serve.ts";
import { Feed } from "./objects/feed.ts";
import { Objects } from "./objects/objects.ts";
import { reconcilers } from "./reconcile/index.ts";
import { whileLeader } from "./reconcile/leader.ts";
import { reconcile } from "./reconcile/loop.ts";
import type { Silence } from "./reconcile/reconciler.ts";
import type { Store } from "./store/store.ts";

export interface ServerSettings {
  /** Closed by whoever opened it. */
  readonly store: Store;
  readonly runDir: string;
  readonly version: string;
  readonly log: Log;
  /** Where the audit log is, and the authority of certificates. */
  readonly stateDir: string;
  /** Over TCP with TLS too; on the Unix socket alone unless set. */
  readonly tls?: TlsSettings;
  readonly limits?: Limits;
  /** Of hosts; as usual unless set. */
  readonly silence?: Silence;
}

export interface TlsSettings {
  /** All addresses unless set. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  readonly files: TlsFiles;
}

export interface RunningServer {
  /** Ends watches, then everything else. */
  close(): Promise<void>;
  /** Of TCP. */
  readonly port?: number;
}

/** Serves until closed. Throws TakenError, TlsError, StoreUnavailableError, FileError. */
export async function startServer(settings: ServerSettings): Promise<RunningServer> {
  const held = new AsyncDisposableStack();
  const ends = new AbortController();
  const close = async () => {
    ends.abort();
    await held.disposeAsync();
  };
  try {
    const port = await serve(settings, held, ends.signal);
    return { ...(port !== undefined && { port }), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What it opens is put in `held`. Gives the port of TCP. */
async function serve(
  settings: ServerSettings,
  held: AsyncDisposableStack,
  ends: AbortSignal,
): Promise<number | undefined> {
  const { store, runDir, stateDir, version, log, tls, limits, silence } = settings;
  const objects = new Objects(store);
  const feed = new Feed(store);
  const auditFile = new AuditFile(`${stateDir}/audit.log`);
  const audit = new AuditLog({ sink: (lines) => auditFile.append(lines), log });
  held.defer(() => auditFile.close());
  const listenings: Listening[] = [];
  held.defer(async () => {
    await Promise.all(listenings.map((listening) => listening.close()));
  });
  held.defer(() => feed.close());
  await ensureNamespace(objects, "default");
  const directory = await Directory.open({ store, feed, log }, ends);
  const access = new GrantedAccess({ directory, objects, log, ...(limits && { limits }) });
  const app = createApp({ ...{ objects, feed, access, audit, kinds, version, log, ends } });
  const answer: Answer = (request, bindings) => app.fetch(request, bindings);
  listenings.push(await listenOnSocket(runDir, answer));
  const secure = tls && (await listenOnTls({ ...tls, stateDir, log }, answer));
  if (secure) listenings.push(secure);
  const context = { objects, nowMs: Date.now, ...(silence && { silence }) };
  const leading = whileLeader(
    { store, log },
    (signal) => reconcile(context, { reconcilers, feed, log }, signal),
    ends,
  );
  held.defer(() => leading);
  log({ level: "info", event: "serving", socket: `${runDir}/api.sock`, port: secure?.port });
  return secure?.port;
}

async function ensureNamespace(objects: Objects, name: string): Promise<void> {
  const apiVersion = apiVersionOf(namespaceKind);
  const namespace = { apiVersion, kind: "Namespace", metadata: { name }, spec: {} };
  try {
    await objects.create(namespaceKind, namespace as ApiObject, { manager: "netloom" });
  } catch (error) {
    if ((error as { readonly reason?: string }).reason !== "AlreadyExists") throw error;
  }
}

/** The API over TCP with TLS, in HTTP/1.1 and HTTP/2. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { getRequestListener } from "@hono/node-server";
import { meaningOf } from "../../../kernel/sys/errno.ts";
import type { Log } from "../../../lib/log.ts";
import type { Caller } from "../../http/access.ts";
import type { Answer, Listening } from "../../http/serve.ts";
import { mayAnswer, unanswered } from "../../http/stuck-client.ts";
import { HoldLimit, peerOf } from "../limits.ts";
import { stateOf, TlsError, type TlsFiles, tlsMaterial } from "./material.ts";
import { Patience } from "./patience.ts";

export interface ListenSettings {
  /** All addresses unless set. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  readonly files: TlsFiles;
  /** Where the authority is kept that is made where none is given. */
  readonly stateDir: string;
  readonly log: Log;
  readonly waits?: Waits;
  /** At once, of one peer: others shall have some too. */
  readonly connectionsOfPeer?: number;
}

/** In milliseconds. */
export interface Waits {
  /** How often files are looked at for having changed. */
  readonly lookMs: number;
  readonly handshakeMs: number;
  /** From there to the end of the first request's headers. */
  readonly beginMs: number;
  /** Without a request under way. */
  readonly idleMs: number;
  /** As `mayAnswer` has it. */
  readonly takeMs?: number;
}

const usualWaits: Waits = {
  lookMs: 5_000,
  handshakeMs: 10_000,
  beginMs: 10_000,
  idleMs: 90_000,
};

export interface TlsListening extends Listening {
  readonly port: number;
}

/** How often a certificate of our own is replaced by a new one; it lasts for three months. */
const renewMs = 24 * 3600_000;
const maxHeaderBytes = 32 * 1024;
/** Hosts behind one address have a few each. */
const usualConnectionsOfPeer = 2_000;
const drainMs = 2_000;

/** Listens. Throws TlsError. */
export async function listenOnTls(settings: ListenSettings, answer: Answer): Promise<TlsListening> {
  const { files, stateDir, waits = usualWaits } = settings;
  const connections = new HoldLimit(settings.connectionsOfPeer ?? usualConnectionsOfPeer);
  const patience = new Patience(waits);
  const server = createSecureServer({
    ...optionsFrom(files, stateDir),
    allowHTTP1: true,
    requestCert: true,
    // Who shows no certificate, or a foreign one, may show a token.
    rejectUnauthorized: false,
    handshakeTimeout: waits.handshakeMs,
    maxHeaderSize: maxHeaderBytes,
    settings: { maxHeaderListSize: maxHeaderBytes, maxConcurrentStreams: 100 },
  } as Parameters<typeof createSecureServer>[0]);
  server.on("connection", (socket: Socket) => {
    const peer = peerOf(socket.remoteAddress ?? "");
    if (connections.take(peer)) socket.once("close", () => connections.release(peer));
    else socket.destroy();
  });
  server.on("secureConnection", (socket: Socket) => patience.connected(socket));
  for (const event of ["tlsClientError", "clientError", "sessionError"]) {
    server.on(event, (_error: Error, socket?: Socket) => socket?.destroy?.());
  }
  server.on("request", requestListener(answer, patience, waits.takeMs) as never);
  await listening(server, settings);
  const stopRenewal = keepFresh(server, settings);
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      stopRenewal();
      server.close();
      await patience.end(drainMs);
    },
  };
}

function optionsFrom(files: TlsFiles, stateDir: string) {
  const { cert, key, clientCa } = tlsMaterial(files, stateDir, new Date());
  return { cert, key, ca: [clientCa], minVersion: "TLSv1.2" as const };
}

function requestListener(answer: Answer, patience: Patience, takeMs: number | undefined) {
  return getRequestListener(
    (request, { incoming, outgoing }) => {
      if (!mayAnswer(incoming as IncomingMessage, outgoing as ServerResponse, takeMs)) {
        return unanswered();
      }
      const socket = socketOf(incoming as IncomingMessage);
      patience.begun(socket, outgoing as ServerResponse);
      return answer(request, { caller: callerOf(socket), breakOff: () => void outgoing.destroy() });
    },
    { hostname: "netloom", overrideGlobalObjects: false },
  );
}

/** Of HTTP/2, the one that all of a session's streams share. */
function socketOf(incoming: IncomingMessage): TLSSocket {
  const { stream } = incoming as { stream?: { session?: { socket: TLSSocket } } };
  return stream?.session?.socket ?? (incoming.socket as TLSSocket);
}

/** Only what the client's authority signed tells who somebody is. */
function callerOf(socket: TLSSocket): Caller {
  const address = socket.remoteAddress ?? "unknown";
  if (!socket.authorized) return { address };
  const { subject, valid_to } = socket.getPeerCertificate?.() ?? {};
  const name: unknown = subject?.CN;
  // Several common names come as a list: which one is meant is nobody's to guess.
  if (typeof name !== "string" || name === "") return { address };
  return { address, certificateName: name, certificateEnds: Date.parse(valid_to!) };
}

function listening(server: Http2SecureServer, { host, port }: ListenSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const where = `${host ?? ""}:${port}`;
      reject(new TlsError(`Cannot listen on ${where}: ${meaningOf(error.code, error.message)}`));
    });
    server.listen({ port, ...(host !== undefined && { host }) }, resolve);
  });
}

/** New connections are served with new files; what is wrong with them is logged. */
function keepFresh(server: Http2SecureServer, settings: ListenSettings) {
  const { files, stateDir, log, waits = usualWaits } = settings;
  const isGiven = files.cert !== undefined;
  let state = stateOf(files);
  const renew = () => {
    try {
      server.setSecureContext(optionsFrom(files, stateDir));
      log({ level: "info", event: "certificates renewed" });
    } catch (error) {
      log({ level: "error", event: "certificates", error: (error as Error).message });
    }
  };
  const look = () => {
    const now = stateOf(files);
    if (now === state) return;
    state = now;
    renew();
  };
  const timers = [
    setInterval(look, waits.lookMs),
    ...(isGiven ? [] : [setInterval(renew, renewMs)]),
  ];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}

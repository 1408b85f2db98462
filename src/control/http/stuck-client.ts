/** Clients that ask and then take no answer: they may hold neither memory nor a place for ever. */
import type { IncomingMessage, ServerResponse } from "node:http";

const patienceMs = 30_000;
/** Who is slow but takes so much in that time may go on. */
const leastBytes = 2 ** 16;
/** Answers that may wait for each other on a connection of HTTP/1; hardly a client asks ahead. */
const mostAnswers = 16;

const answersOf = new WeakMap<object, number>();

/**
 * Whether the request may be answered; if not, its connection has ended. An answer ends, and of
 * HTTP/1 its connection, if in one or two spans of `spanMs` the client does not take what waits for
 * it. While nothing waits it may last.
 */
export function mayAnswer(
  { socket, httpVersionMajor }: IncomingMessage,
  outgoing: ServerResponse,
  spanMs = patienceMs,
): boolean {
  const answers = (answersOf.get(socket) ?? 0) + 1;
  if (httpVersionMajor === 1 && answers > mostAnswers) {
    socket.destroy();
    return false;
  }
  answersOf.set(socket, answers);
  const stop = cutIfStuck(outgoing, spanMs);
  outgoing.once("close", () => {
    answersOf.set(socket, answersOf.get(socket)! - 1);
    stop();
  });
  return true;
}

function cutIfStuck(outgoing: ServerResponse, spanMs: number): () => void {
  let waiting = Number.POSITIVE_INFINITY;
  const timer = setInterval(() => {
    const now = outgoing.writableLength;
    if (now > 0 && now > waiting - leastBytes) outgoing.destroy();
    waiting = now > 0 ? now : Number.POSITIVE_INFINITY;
  }, spanMs);
  outgoing.on("drain", () => {
    waiting = Number.POSITIVE_INFINITY;
  });
  return () => clearInterval(timer);
}

/** For nobody. */
export const unanswered = (): Response => new Response(null, { status: 429 });

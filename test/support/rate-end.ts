/**
 * One end of a measured TCP stream: `receive <port>` prints "ready", and after the stream its rate;
 * `send <address> <port> <milliseconds>` sends as fast as it can.
 */
import { connect, createServer } from "node:net";

/** The bucket's burst and TCP's start lie before it. */
const startUpMs = 800;

const [role, ...words] = process.argv.slice(2);

/**
 * How far apart two marks are whose slope is taken: many reads, so that one more or less hardly
 * counts, and a small part of the stream, so that most pairs hold nothing of a stall.
 */
const apartMs = 250;

/** How many bytes had come when. */
interface Mark {
  readonly at: number;
  readonly bytes: number;
}

function receive(port: number): void {
  const server = createServer((socket) => {
    let first = 0;
    let bytes = 0;
    const marks: Mark[] = [];
    socket.on("data", (chunk) => {
      const at = performance.now();
      first ||= at;
      bytes += chunk.length;
      if (at - first >= startUpMs) marks.push({ at, bytes });
    });
    socket.on("close", () => {
      console.log(JSON.stringify({ rate: slopeOf(marks) * 8 * 1000 }));
      process.exit(0);
    });
  });
  server.listen(port, "::", () => console.log("ready"));
}

/**
 * The median of the slopes between marks, in bytes a millisecond. Neither a retransmission that TCP
 * sends 200 ms late, nor what waited in the kernel while this process could not run, is in so many
 * of the pairs that the median is one of them.
 */
function slopeOf(marks: readonly Mark[]): number {
  const slopes: number[] = [];
  let to = 0;
  for (const from of marks) {
    while (to < marks.length && marks[to]!.at - from.at < apartMs) to += 1;
    const end = marks[to];
    if (end !== undefined) slopes.push((end.bytes - from.bytes) / (end.at - from.at));
  }
  return slopes.sort((a, b) => a - b)[slopes.length >> 1]!;
}

function send(address: string, port: number, milliseconds: number): void {
  const chunk = new Uint8Array(64 * 1024);
  const socket = connect({ host: address, port });
  const deadline = performance.now() + milliseconds;
  const fill = () => {
    while (performance.now() < deadline) if (!socket.write(chunk)) return;
    socket.destroy();
    process.exit(0);
  };
  socket.on("connect", fill);
  socket.on("drain", fill);
  socket.on("error", (error) => {
    console.error(String(error));
    process.exit(1);
  });
}

if (role === "receive") receive(Number(words[0]));
else send(words[0]!, Number(words[1]), Number(words[2]));

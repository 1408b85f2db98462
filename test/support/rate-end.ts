/**
 * One end of a measured TCP stream: `receive <port>` prints "ready", and after the stream its rate;
 * `send <address> <port> <milliseconds>` sends as fast as it can.
 */
import { connect, createServer } from "node:net";

/** The bucket's burst and TCP's start lie before it. */
const startUpMs = 800;

/** A rate is taken of each stretch of so long. */
const sliceMs = 100;

const [role, ...words] = process.argv.slice(2);

/**
 * The rate of the median slice: what waited in the kernel while this process could not run arrives
 * in one slice at once, and would make the mean of a short stream too fast.
 */
function receive(port: number): void {
  const server = createServer((socket) => {
    let first = 0;
    let begun = 0;
    let bytes = 0;
    const rates: number[] = [];
    socket.on("data", (chunk) => {
      const now = performance.now();
      first ||= now;
      bytes += chunk.length;
      if (now - first < startUpMs || (begun > 0 && now - begun < sliceMs)) return;
      if (begun > 0) rates.push((bytes * 8 * 1000) / (now - begun));
      begun = now;
      bytes = 0;
    });
    socket.on("close", () => {
      const rate = rates.sort((a, b) => a - b)[rates.length >> 1];
      console.log(JSON.stringify({ rate }));
      process.exit(0);
    });
  });
  server.listen(port, "::", () => console.log("ready"));
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

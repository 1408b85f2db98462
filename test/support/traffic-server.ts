/**
 * A program: answers every TCP connection and UDP datagram on the ports given as arguments with
 * the address that it sees as the sender's. Prints one line when it is ready.
 */

const plain = (address: string) => address.replace(/^::ffff:/, "");

// One socket serves both families: it sees IPv4 senders as ::ffff:a.b.c.d.
const hostname = "::";

for (const port of process.argv.slice(2).map(Number)) {
  Bun.listen({
    hostname,
    port,
    socket: {
      open(socket) {
        socket.end(`${plain(socket.remoteAddress)}\n`);
      },
      data() {},
    },
  });
  await Bun.udpSocket({
    hostname,
    port,
    socket: {
      data(socket, _data, senderPort, sender) {
        try {
          socket.send(`${plain(sender)}\n`, senderPort, sender);
        } catch {
          // The asker has gone or has no route back: it hears nothing.
        }
      },
      error() {},
    },
  });
}
console.log("ready");

export {};

/**
 * A service in a container, and who asks for it; each a process of its own, by both families:
 *
 *     bun service.ts serve NAME
 *     bun service.ts ask TCP|UDP ADDRESS     prints who answers; nothing: nobody does
 */
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";

export const servicePort = 8080;
const patienceMs = 1_000;

function serve(name: string): void {
  createServer((socket) => socket.on("error", () => {}).end(name)).listen(servicePort, "::");
  const udp = createSocket("udp6");
  udp.on("message", (_, { address, port }) => udp.send(name, port, address));
  udp.bind(servicePort, "::");
}

function askTcp(address: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host: address, port: servicePort });
  socket.once("data", (data) => resolve(data.toString()));
  socket.once("error", () => resolve(""));
  return promise;
}

function askUdp(address: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.once("message", (data) => resolve(data.toString()));
  socket.once("error", () => resolve(""));
  socket.send("hello", servicePort, address);
  return promise;
}

async function ask(protocol: string, address: string): Promise<never> {
  const nobody = Bun.sleep(patienceMs).then(() => "");
  const answer = (protocol === "TCP" ? askTcp : askUdp)(address);
  console.log(await Promise.race([answer, nobody]));
  process.exit(0);
}

if (import.meta.main) {
  const [verb, first = "", second = ""] = process.argv.slice(2);
  if (verb === "serve") serve(first);
  else await ask(first, second);
}

/**
 * A program: tries the probes given as JSON on standard input, all at once, and prints for each
 * who the other end took it for, `reached` for a ping, or null where nothing came back.
 */
import { patient } from "./patience.ts";
import type { Probe } from "./traffic.ts";

const patienceMs = patient(1000);

function tcp({ address, port }: Probe): Promise<string | null> {
  return new Promise((resolve) => {
    let heard = "";
    const finish = () => resolve(heard === "" ? null : heard.trim());
    Bun.connect({
      hostname: address,
      port: port ?? 0,
      socket: {
        data(_socket, data) {
          heard += data.toString();
        },
        close: finish,
        error: finish,
        connectError: finish,
      },
    }).catch(finish);
  });
}

async function udp({ address, port }: Probe): Promise<string | null> {
  return new Promise((resolve) => {
    const ask = (socket: { send(data: string, port: number, address: string): unknown }) => {
      try {
        socket.send("?", port ?? 0, address);
      } catch {
        resolve(null);
      }
    };
    Bun.udpSocket({
      hostname: address.includes(":") ? "::" : "0.0.0.0",
      socket: {
        data(_socket, data) {
          resolve(data.toString().trim());
        },
        error: () => resolve(null),
      },
    }).then(
      (socket) => {
        ask(socket);
        // The first datagram may be lost while neighbours are resolved.
        setTimeout(() => ask(socket), patienceMs / 3);
      },
      () => resolve(null),
    );
  });
}

async function ping({ address }: Probe): Promise<string | null> {
  const child = Bun.spawn(["ping", "-n", "-c1", `-W${patienceMs / 1000}`, address], {
    stdout: "ignore",
    stderr: "ignore",
  });
  return (await child.exited) === 0 ? "reached" : null;
}

const kinds = { tcp, udp, ping };

const probes: Probe[] = await Bun.stdin.json();
const answers = await Promise.all(
  probes.map((probe) =>
    Promise.race([
      kinds[probe.kind](probe).catch(() => null),
      Bun.sleep(probe.kind === "ping" ? patienceMs + 200 : patienceMs).then(() => null),
    ]),
  ),
);
console.log(JSON.stringify(answers));
process.exit(0);

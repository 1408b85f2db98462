/** Traffic between host and LAN in both families, and how long it was cut off. */
import type { PrivateHost } from "../host/private-host.ts";

/** What came of one kind of traffic. */
export interface Flow {
  readonly sent: number;
  readonly lost: number;
  /**
   * From the first packet to the last of those lost in a row, by the time when they were sent: a
   * busy machine's pause before or after is none. 60 s when nothing came through any more.
   */
  readonly gapMs: number;
}

export type Flows = Readonly<Record<string, Flow>>;

/** Answers UDP and TCP on port 7 of its addresses as it was asked. */
const echo = `
import socket, selectors, sys
s = selectors.DefaultSelector()
for at in sys.argv[1:]:
  family = socket.AF_INET6 if ":" in at else socket.AF_INET
  for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    x = socket.socket(family, kind)
    x.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    x.bind((at, 7))
    if kind == socket.SOCK_STREAM: x.listen(8)
    s.register(x, selectors.EVENT_READ, "listen" if kind == socket.SOCK_STREAM else "udp")
print("ready", flush=True)
while True:
  for key, _ in s.select():
    x = key.fileobj
    if key.data == "listen":
      c, _ = x.accept(); s.register(c, selectors.EVENT_READ, "tcp")
    elif key.data == "udp":
      data, peer = x.recvfrom(64); x.sendto(data, peer)
    else:
      data = x.recv(4096)
      if data: x.sendall(data)
      else: s.unregister(x); x.close()`;

/**
 * Sends 16 bytes each millisecond on every flow until its standard input ends. TCP loses nothing:
 * what takes longer than its turn is told as a gap, and waited for through some repetitions, each
 * of which comes after twice the time of the one before.
 */
const probe = `
import socket, select, struct, sys, time, json
flows, out = {}, {}
for name, family, kind, to in (("udp4", 2, 2, sys.argv[1]), ("udp6", 10, 2, sys.argv[2]),
                               ("tcp4", 2, 1, sys.argv[1]), ("tcp6", 10, 1, sys.argv[2])):
  x = socket.socket(family, kind); x.settimeout(5); x.connect((to, 7)); x.setblocking(False)
  if kind == 1: x.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
  flows[name] = (x, [], {}, bytearray())
print("ready", flush=True)
end = None
def open_streams(): return any(n.startswith("tcp") and len(f[2]) < len(f[1]) for n, f in flows.items())
while end is None or time.monotonic() < end or (open_streams() and time.monotonic() < end + 14):
  now = time.monotonic()
  for x, sent, back, rest in flows.values():
    try:
      if end is None or len(back) < len(sent):
        if end is None: x.send(struct.pack("<qq", len(sent), 0)); sent.append(now)
    except BlockingIOError: pass
    except OSError: sent.append(now)
    try:
      while True:
        data = x.recv(4096)
        rest += data
        while len(rest) >= 16:
          back[struct.unpack("<qq", bytes(rest[:16]))[0]] = time.monotonic(); del rest[:16]
    except BlockingIOError: pass
    except OSError: pass
  if end is None:
    if select.select([sys.stdin], [], [], 0.001)[0] and not sys.stdin.readline(): end = now + 1.0
  else: time.sleep(0.001)
for name, (x, sent, back, _) in flows.items():
  ok = [t for i, t in enumerate(sent) if i in back]
  lost = [i for i in range(len(sent)) if i not in back]
  gap = 0.0
  if name.startswith("udp"):
    first = None
    for i in range(len(sent)):
      if i in back: first = None; continue
      if first is None: first = i
      gap = max(gap, sent[i] - sent[first] + 0.001)
    if first is not None: gap = 60.0
  else:
    # The connection died, or it stood still: told by how long an answer took.
    gap = 60.0 if lost else max(back[i] - sent[i] for i in back)
  out[name] = {"sent": len(sent), "lost": len(lost), "gapMs": round(gap * 1000, 1)}
print(json.dumps(out))`;

interface Started {
  readonly child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  /** What it writes after its first word. */
  readonly rest: () => Promise<string>;
}

/** Starts a program and waits until it says that it is ready. */
async function started(command: readonly string[]): Promise<Started> {
  const child = Bun.spawn([...command], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  const { value } = await reader.read();
  if (decoder.decode(value).trim() !== "ready") {
    throw new Error(`Cannot start: ${await child.stderr.text()}`);
  }
  const rest = async () => {
    let text = "";
    for (;;) {
      const { value: bytes, done } = await reader.read();
      if (done) return text;
      text += decoder.decode(bytes, { stream: true });
    }
  };
  return { child, rest };
}

/** Addresses of one end, of each family. */
export interface End {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The host's own end, and that of the LAN with the name of its namespace. */
export interface Ends {
  readonly lan: string;
  readonly inside: End;
  readonly outside: End;
}

/** Starts servers that answer, on the host and in the LAN. They end with the host. */
export async function startEcho(host: PrivateHost, { lan, inside, outside }: Ends): Promise<void> {
  const server = (at: End) => ["python3", "-c", echo, at.ipv4, at.ipv6];
  await started(host.command(server(inside)));
  await started(host.command(["ip", "netns", "exec", lan, ...server(outside)]));
}

/** Measures traffic from the host to the LAN and back while `work` is done. */
export async function underTraffic(
  host: PrivateHost,
  { lan, inside, outside }: Ends,
  work: () => Promise<void>,
): Promise<{ readonly outward: Flows; readonly inward: Flows }> {
  const prober = (to: End) => ["python3", "-c", probe, to.ipv4, to.ipv6];
  const outward = await started(host.command(prober(outside)));
  const inward = await started(host.command(["ip", "netns", "exec", lan, ...prober(inside)]));
  await Bun.sleep(200);
  try {
    await work();
    await Bun.sleep(200);
  } finally {
    outward.child.stdin.end();
    inward.child.stdin.end();
  }
  return { outward: await flowsOf(outward), inward: await flowsOf(inward) };
}

async function flowsOf({ child, rest }: Started): Promise<Flows> {
  const text = await rest();
  if ((await child.exited) !== 0) throw new Error(`The probe failed: ${await child.stderr.text()}`);
  return JSON.parse(text) as Flows;
}

/** One line for people. */
export function shown(what: string, flows: Flows): string {
  const parts = Object.entries(flows).map(
    ([name, { sent, lost, gapMs }]) => `${name} ${lost}/${sent} lost, ${gapMs} ms`,
  );
  return `  ${what}: ${parts.join("; ")}`;
}

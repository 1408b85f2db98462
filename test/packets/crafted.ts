/** Packets that no ordinary socket sends, and listeners that report what arrived of them. */
import type { PacketStage, Place } from "./stage.ts";

/** A chunk INIT to a port of a host. Its checksum is right: conntrack ignores others. */
interface SctpPacket {
  readonly kind: "sctp";
  readonly to: string;
  readonly port: number;
}

/** A UDP datagram as a frame on `eth0`, with addresses that its sender does not have. */
interface UdpFrame {
  readonly kind: "frame";
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** Hardware addresses. */
  readonly fromMac: string;
  readonly toMac: string;
}

const sender = `
import json, socket, struct, sys
def crc32c(data):
  crc = 0xffffffff
  for byte in data:
    crc ^= byte
    for _ in range(8): crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
  return struct.pack("<I", crc ^ 0xffffffff)
def sctp(dport):
  init = struct.pack("!BBHIIHHI", 1, 0, 20, 7, 65535, 1, 1, 9)
  head = struct.pack("!HHI", 5000, dport, 0)
  return head + crc32c(head + bytes(4) + init) + init
def total(data):
  s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
  s = (s & 0xffff) + (s >> 16); s = (s & 0xffff) + (s >> 16)
  return ~s & 0xffff
p = json.loads(sys.argv[1])
if p["kind"] == "sctp":
  family = socket.AF_INET6 if ":" in p["to"] else socket.AF_INET
  socket.socket(family, socket.SOCK_RAW, 132).sendto(sctp(p["port"]), (p["to"], 0))
else:
  x = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); x.bind(("eth0", 0))
  mac = lambda text: bytes.fromhex(text.replace(":", ""))
  udp = struct.pack("!HHHH", 4444, p["port"], 9, 0) + b"?"
  ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
  ip += socket.inet_aton(p["from"]) + socket.inet_aton(p["to"])
  ip = ip[:10] + struct.pack("!H", total(ip)) + ip[12:]
  x.send(mac(p["toMac"]) + mac(p["fromMac"]) + b"\\x08\\x00" + ip + udp)`;

const listener = `
import json, socket, struct, sys
p = json.loads(sys.argv[1])
v4 = ":" not in p["to"]
family = socket.AF_INET if v4 else socket.AF_INET6
if p["kind"] == "sctp": x = socket.socket(family, socket.SOCK_RAW, 132)
else:
  x = socket.socket(family, socket.SOCK_DGRAM); x.bind((p["to"], p["port"]))
print("ready", flush=True)
sys.stdin.readline()
x.settimeout(0.3)
try:
  data = x.recv(2048)
  if p["kind"] == "sctp": print("port", struct.unpack("!HH", data[20 if v4 else 0:][:4])[1])
  else: print("arrived")
except TimeoutError: print("nothing")`;

/**
 * Sends from one place while another listens. What it heard by then: `port <number>` for SCTP,
 * `arrived` for a frame, else `nothing`.
 */
export async function heard(
  stage: PacketStage,
  route: { from: Place; at: Place },
  packet: SctpPacket | UdpFrame,
): Promise<string> {
  const told = JSON.stringify(packet);
  const command = ["nsenter", `--net=${stage.path(route.at)}`, "python3", "-c", listener, told];
  const child = Bun.spawn(command, {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of child.stdout) {
    // A first chunk may be empty.
    if (text === "" && chunk.length > 0) {
      stage.run(route.from, "python3", "-c", sender, told);
      child.stdin.write("sent\n");
      await child.stdin.end();
    }
    text += decoder.decode(chunk);
  }
  return text.replace("ready\n", "").trim();
}

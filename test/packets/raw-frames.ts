/** Sends raw frames from one namespace while another listens. */
import { inside, systemPath } from "../support/run.ts";

/** Bytes, and how a packet socket sends them. */
export interface RawFrame {
  readonly bytes: readonly number[];
  readonly claim?: number;
  readonly bypass?: boolean;
}

const sender = `
import errno, json, socket, struct, sys
for f in json.loads(sys.argv[2]):
  x = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
  if f.get("bypass"): x.setsockopt(263, 20, 1)
  data = bytes(f["bytes"])
  claim = f.get("claim") or struct.unpack("!H", data[12:14])[0]
  # The kernel tells the sender of a frame that a filter dropped.
  try: x.sendto(data, (sys.argv[1], claim))
  except OSError as error:
    if error.errno not in (errno.ENOBUFS, errno.EPERM): raise`;

/** What a virtual machine does: it opens the tap, so that its port comes up, and sends. */
const tapSender = `
import fcntl, json, os, struct, subprocess, sys, time
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", sys.argv[1].encode(), 0x1002))
for _ in range(400):
  state = subprocess.check_output(["bridge", "link", "show", "dev", sys.argv[1]])
  if b"state forwarding" in state: break
  time.sleep(0.05)
for f in json.loads(sys.argv[2]): os.write(tap, bytes(f["bytes"]))`;

const listener = `
import socket, sys
x = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); x.bind((sys.argv[1], 0))
x.settimeout(20)
end = bytes.fromhex(sys.argv[2])
print("ready", flush=True)
while True:
  data = x.recv(4096)
  if data.startswith(end): break
  print(data.hex(), flush=True)
print("end", flush=True)`;

export interface End {
  /** Name below /var/run/netns. */
  readonly netns: string;
  readonly link: string;
  /** The link is a tap, and its other end sends. */
  readonly isTap?: boolean;
}

/**
 * Sends the frames and then `last`, and gives for each whether it arrived before `last` did, with
 * which the listener stops.
 */
export async function arrive(
  from: End,
  at: End,
  frames: readonly RawFrame[],
  last: readonly number[],
): Promise<boolean[]> {
  const hex = (bytes: readonly number[]) => Uint8Array.from(bytes).toHex();
  const listening = Bun.spawn(inside(["python3", "-c", listener, at.link, hex(last)], at.netns), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    env: { PATH: systemPath },
  });
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of listening.stdout) {
    const isFirst = text === "";
    text += decoder.decode(chunk);
    if (isFirst && text !== "") send(from, [...frames, { bytes: last }]);
  }
  const heard = text.split("\n");
  if (!heard.includes("end")) throw new Error("the listener did not hear the last frame");
  return frames.map(({ bytes }) => heard.some((line) => line.startsWith(hex(bytes))));
}

function send({ netns, link, isTap }: End, frames: readonly RawFrame[]): void {
  const command = ["python3", "-c", isTap ? tapSender : sender, link, JSON.stringify(frames)];
  const sent = Bun.spawnSync(inside(command, netns), { env: { PATH: systemPath } });
  if (!sent.success) throw new Error(`Cannot send: ${sent.stderr}`);
}

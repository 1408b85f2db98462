/** Boots Debian's packaged kernel in QEMU, with the host's files and a shared folder. */
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { initramfs } from "./initramfs.ts";

/** Where `tools/setup.sh vm` unpacks the kernel package. */
export interface KernelPackage {
  readonly image: string;
  /** Its `lib/modules/<version>`. */
  readonly modules: string;
  readonly version: string;
}

/** The tests' own network cards: each two are joined to each other, and to nothing else. */
const networkCards = 4;

/** Undefined where set-up has not been done. */
export function findKernel(root: string): KernelPackage | undefined {
  const dir = join(root, ".cache/vm/kernel");
  try {
    const [version] = readdirSync(join(dir, "lib/modules"));
    if (version === undefined) return undefined;
    const modules = join(dir, "lib/modules", version);
    return { image: join(dir, "boot", `vmlinuz-${version}`), modules, version };
  } catch {
    return undefined;
  }
}

export interface Machine {
  readonly process: Bun.Subprocess;
  /** The end of what its serial console said. */
  console(lines: number): string;
}

/** `channel` is the folder that both sides write to; the init script reads its answers there. */
export function boot(root: string, kernel: KernelPackage, channel: string): Machine {
  const image = join(channel, "initramfs");
  const script = readFileSync(join(root, "tools/vm/init.sh"), "utf8");
  writeFileSync(image, initramfs(kernel.modules, script));
  const log = join(channel, "console.log");
  const errors = openSync(join(channel, "qemu.log"), "w");
  const child = Bun.spawn(qemu({ kernel, image, log, channel }), {
    stdio: ["ignore", errors, errors],
  });
  closeSync(errors);
  const end = (path: string, lines: number) => read(path).trim().split("\n").slice(-lines);
  const said = (lines: number) => [
    ...end(join(channel, "qemu.log"), lines).filter(
      (line) => !line.includes("is not connected to"),
    ),
    ...end(log, lines).map(printable),
  ];
  return { process: child, console: (lines) => said(lines).filter(Boolean).join("\n") };
}

interface Parts {
  readonly kernel: KernelPackage;
  readonly image: string;
  readonly log: string;
  readonly channel: string;
}

function qemu({ kernel, image, log, channel }: Parts): string[] {
  // Waiting for RCU only costs time, and nothing attacks it. On a busy machine the kernel measures
  // the TSC wrong by factors, and its clock with it; that of the HPET comes from here.
  const line =
    "console=ttyS0 quiet panic=-1 mitigations=off nokaslr nowatchdog rcupdate.rcu_expedited=1 " +
    "notsc clocksource=hpet norandmaps random.trust_cpu=on audit=0 apparmor=0 net.ifnames=0";
  const share = "local,security_model=none,multidevs=remap";
  const cards = Array.from({ length: networkCards }, (_, index) => index);
  return [
    "qemu-system-x86_64",
    ..."-nodefaults -no-user-config -display none -no-reboot -machine q35".split(" "),
    ..."-accel tcg,thread=multi,tb-size=1024 -cpu max -smp 2".split(" "),
    ...["-m", `${memoryMiB()}M`],
    ...["-kernel", kernel.image, "-initrd", image, "-append", line],
    ...["-chardev", `file,id=console,path=${comma(log)}`, "-serial", "chardev:console"],
    ...["-fsdev", `${share},id=host,path=/,readonly=on`],
    ...["-device", "virtio-9p-pci,fsdev=host,mount_tag=host"],
    ...["-fsdev", `${share},id=channel,path=${comma(channel)}`],
    ...["-device", "virtio-9p-pci,fsdev=channel,mount_tag=channel"],
    ...["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"],
    ...cards.flatMap((index) => [
      ...["-netdev", `hubport,id=net${index},hubid=${index >> 1}`],
      ...["-device", `virtio-net-pci,netdev=net${index},mac=52:54:00:00:00:0${index},romfile=`],
    ]),
  ];
}

/** A comma ends a value of QEMU's unless doubled. */
const comma = (path: string) => path.replaceAll(",", ",,");

/** Enough for overlay, kernel and a few Bun processes; a third of a small machine. */
function memoryMiB(): number {
  return Math.round(Math.min(3072, Math.max(1024, totalmem() / 3 / 2 ** 20)));
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Firmware and kernel colour what they say. */
function printable(line: string): string {
  return line.replace(/\p{Cc}(?:\[[\d;?=]*[A-Za-z]|c)?/gu, "");
}

/** How sessions fare, for people. Pure but for the kernel's counters. */
import { readFileSync } from "node:fs";
import type { Desired } from "./desired.ts";
import type { peer } from "./gobgp/messages.ts";
import type { Message } from "./gobgp/protobuf.ts";

export interface Session {
  /** `host/<name>` of the mesh, or `bgppeer/<name>`. */
  readonly owner: string;
  readonly address: string;
  readonly isEstablished: boolean;
  /** One word in CamelCase, for programs. */
  readonly reason: string;
  readonly message: string;
  /** Prefixes. */
  readonly received: number;
  readonly announced: number;
}

/** Segments that the kernel dropped for their signatures (RFC 2385), since it began. */
export interface SignatureCounts {
  readonly wrong: number;
  readonly missing: number;
  readonly unexpected: number;
}

const counters = {
  wrong: "TCPMD5Failure",
  missing: "TCPMD5NotFound",
  unexpected: "TCPMD5Unexpected",
} as const;

/** Source: /proc/net/netstat, whose lines come in pairs of names and numbers. */
export function signatureCounts(): SignatureCounts {
  const lines = readFileSync("/proc/self/net/netstat", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.split(" "));
  const [names = [], numbers = []] = lines;
  const count = (name: string) => Number(numbers[names.indexOf(name)] ?? 0);
  return {
    wrong: count(counters.wrong),
    missing: count(counters.missing),
    unexpected: count(counters.unexpected),
  };
}

/** The sessions that are wanted, each as the daemon tells of it. */
export function sessionsOf(
  want: Desired,
  told: readonly Message<typeof peer>[],
  grown: SignatureCounts,
): Session[] {
  const byAddress = new Map(told.map((each) => [each.conf?.neighborAddress ?? "", each]));
  return [...want.peers].map(([address, { owner, config }]) => {
    const now = byAddress.get(address);
    const sum = (field: "received" | "advertised") =>
      (now?.families ?? []).reduce((total, { state }) => total + (state?.[field] ?? 0), 0);
    const isEstablished = now?.state?.session === "established";
    const port = config.transport?.remotePort ?? 0;
    const hasPassword = config.conf?.authPassword !== undefined;
    return {
      owner,
      address,
      isEstablished,
      ...(isEstablished
        ? { reason: "Established", message: `Routes are exchanged with ${address}` }
        : trouble({ now, where: `${address} port ${port}`, grown, hasPassword })),
      received: sum("received"),
      announced: sum("advertised"),
    };
  });
}

interface Trouble {
  readonly now: Message<typeof peer> | undefined;
  readonly where: string;
  readonly grown: SignatureCounts;
  readonly hasPassword: boolean;
}

function trouble({ now, where, grown, hasPassword }: Trouble): { reason: string; message: string } {
  const state = now?.state?.session ?? "unknown";
  const base = `No session with ${where} (${state})`;
  const dropped = grown.wrong + grown.missing + grown.unexpected;
  if (dropped > 0) {
    const what = hasPassword
      ? "set the same password (TCP MD5) on both sides"
      : "the other side uses a password (TCP MD5): set spec.password to the same";
    const counted = `the kernel dropped ${dropped} TCP segments for their MD5 signatures of late`;
    return { reason: "WrongPassword", message: `${base}: ${counted}; ${what}` };
  }
  const more = hasPassword ? ", the password (TCP MD5: a wrong one looks like silence)" : "";
  return (
    {
      openSent: {
        reason: "Refused",
        message: `${base}: it answers and does not agree: compare AS numbers on both sides`,
      },
    }[state as "openSent"] ?? {
      reason: "NotConnected",
      message: `${base}: see that it is reached and listens for us: address, port, AS numbers${more}`,
    }
  );
}

/** Whether all peers that could tell their routes after a restart have told them. */
export function haveAllTold(want: Desired, told: readonly Message<typeof peer>[]): boolean {
  const byAddress = new Map(told.map((each) => [each.conf?.neighborAddress ?? "", each]));
  return [...want.peers.keys()].every((address) => {
    const now = byAddress.get(address);
    if (now?.state?.session !== "established") return false;
    return (now.families ?? []).every(({ restart }) => {
      const state = restart?.state;
      return state?.received !== true || state.endOfRibReceived === true;
    });
  });
}

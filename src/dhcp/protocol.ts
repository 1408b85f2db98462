/**
 * What DHCPv4 and DHCPv6 are to the daemon: a pure state machine and a transport.
 *
 * The machine is driven by packets, by its timer and by the wish to release; it gives the next
 * state and what to send. It never reads a clock. The state is JSON, and is on disk while it holds
 * a lease; `src/dhcp/keeper.ts` does the rest for both.
 */
import type { DhcpFamily, DhcpLease } from "../model/dhcp.ts";

/** What every machine's state tells the daemon. Protocols add fields of their own, all JSON. */
export interface ClientState {
  /**
   * `seeking`: no lease that may be used; `held`: `lease` may be used, whether being renewed or
   * not; `ended`: released, or given up before there was a lease. Nothing follows `ended`.
   */
  readonly stage: "seeking" | "held" | "ended";
  /** The state's name in the protocol's own words, for people and the log: `REBINDING`. */
  readonly phase: string;
  /** What the server gave last. Also when seeking again after it ran out: to ask for the same. */
  readonly lease?: DhcpLease;
  /** Whether packets are waited for: the daemon keeps a transport open meanwhile. */
  readonly listens: boolean;
  /** When to call `onTimer`, in milliseconds since boot. Absent: never. */
  readonly wakeAt?: number;
  /** What went wrong last, for the error when patience ends: `no server answered`. */
  readonly trouble?: string;
}

/** What a step may depend on beside its state. */
export interface StepContext {
  /** Milliseconds since boot, suspension included. */
  readonly now: number;
  /** At least 0, below 1. */
  readonly random: () => number;
}

/** What comes of an event. */
export interface Step<State, Outgoing> {
  readonly state: State;
  /** In this order. */
  readonly sends: readonly Outgoing[];
}

/** The link that a client asks for. */
export interface ClientLink {
  /** Path of its namespace. */
  readonly netns: string;
  readonly name: string;
  readonly index: number;
  /** With colons. */
  readonly mac: string;
  /** `macvlan`, `ipvlan`, `veth` …; absent on hardware. */
  readonly kind?: string;
  /** The kernel takes routes from routers' advertisements by itself. */
  readonly followsRouters?: boolean;
}

/** Who asks, and for what. `Wishes` are `LeaseOrder`'s of the family. */
export interface ClientOrder<Wishes> {
  /** In hexadecimal digits. */
  readonly clientId: string;
  readonly link: ClientLink;
  readonly wishes: Wishes;
  /** An address to be confirmed, that the link has already. */
  readonly keep?: string;
  /** Ask for answers by broadcast. */
  readonly broadcast?: boolean;
  /** The longest wait between two tries to get a lease. */
  readonly maxRetryMs?: number;
}

/** Packets in the link's namespace. Disposing of it leaves nothing open. */
export interface Transport<Outgoing> extends Disposable {
  /** Throws SysError: the link is down or gone. */
  send(packet: Outgoing): void;
  /**
   * Waits until what was sent has left, half a second at most: it may still be asking for its next
   * hop's hardware address, and would go with the link.
   */
  flush?(): Promise<void>;
}

/** A protocol. The steps never throw, whatever a packet holds. */
export interface Protocol<State extends ClientState, Wishes, Incoming, Outgoing> {
  readonly family: DhcpFamily;
  /** The first step. */
  start(order: ClientOrder<Wishes>, context: StepContext): Step<State, Outgoing>;
  /** Goes on with a state from the disk, after a restart of the daemon. */
  resume(state: State, context: StepContext): Step<State, Outgoing>;
  onPacket(state: State, packet: Incoming, context: StepContext): Step<State, Outgoing>;
  onTimer(state: State, context: StepContext): Step<State, Outgoing>;
  /** Gives the lease back. The state that comes of it is `ended`, or asks for time to get there. */
  release(state: State, context: StepContext): Step<State, Outgoing>;
  /** A state as it was written; undefined where the text is not one. */
  parseState(value: unknown): State | undefined;
  /** Opens the protocol's sockets. Throws SysError, NetnsError. */
  open(link: ClientLink, receive: (packet: Incoming) => void): Transport<Outgoing>;
}

/** Access to the API: who calls, what they may do, and how much of it. */
import { expired, forbidden, tooManyRequests } from "../../api/status-error.ts";
import type { Log } from "../../lib/log.ts";
import type {
  Access,
  Affected,
  Attributes,
  Caller,
  Decision,
  Hold,
  Identity,
} from "../http/access.ts";
import { masters } from "../http/access.ts";
import type { Objects } from "../objects/objects.ts";
import { admits } from "./affected.ts";
import { decide, narrowed, type Right } from "./authorize.ts";
import { type Directory, rightsHangOn } from "./directory.ts";
import { Authenticator } from "./identity.ts";
import { HoldLimit, type Limits, peerOf, RateLimit, usualLimits } from "./limits.ts";

export interface AccessSettings {
  readonly directory: Directory;
  readonly objects: Objects;
  readonly log: Log;
  readonly limits?: Limits;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Whom the Unix socket let in may do all, and as much as he likes. */
const isMaster = ({ groups }: Identity) => groups.includes(masters);

export class GrantedAccess implements Access {
  readonly #directory: Directory;
  readonly #authenticator: Authenticator;
  readonly #addresses: RateLimit;
  readonly #failures: RateLimit;
  readonly #credentials: RateLimit;
  readonly #holds: HoldLimit;
  readonly #now: () => number;

  constructor({ limits = usualLimits, now = Date.now, ...settings }: AccessSettings) {
    this.#directory = settings.directory;
    this.#authenticator = new Authenticator({ ...settings, now });
    this.#addresses = new RateLimit(limits.address);
    this.#failures = new RateLimit(limits.failures);
    this.#credentials = new RateLimit(limits.credential);
    this.#holds = new HoldLimit(limits.watches);
    this.#now = now;
  }

  async authenticate(request: Request, caller: Caller): Promise<Identity> {
    const address = caller.address === undefined ? undefined : peerOf(caller.address);
    if (address !== undefined) refuseAfter(this.#addresses.take(address));
    const header = request.headers.get("authorization");
    let identity: Identity;
    try {
      identity = await this.#authenticator.identify(header, caller);
    } catch (error) {
      if (address !== undefined) refuseAfter(this.#failures.take(address));
      throw error;
    }
    if (!isMaster(identity)) refuseAfter(this.#credentials.take(credentialOf(identity)));
    return identity;
  }

  async authorize(identity: Identity, asked: Attributes): Promise<Decision> {
    return this.#decide(identity, asked);
  }

  admit(identity: Identity, attributes: Attributes, affected: Affected): Decision {
    if (isMaster(identity)) return { allowed: true };
    // It was asked for before, perhaps long before: bodies may be slow.
    if (!this.#authenticator.isValid(identity)) return over;
    return admits(this.#rightsOf(identity), { attributes, affected }, this.#directory);
  }

  hold(identity: Identity, asked: Attributes, isPart = false): Hold {
    const counted = isMaster(identity) ? undefined : credentialOf(identity);
    if (counted !== undefined && !this.#holds.take(counted)) throw tooManyRequests(1);
    const end = new AbortController();
    let timer: Timer | undefined;
    const part = this.#partOf(identity, isPart);
    const look = () => {
      clearTimeout(timer);
      const now = this.#decide(identity, asked);
      if (!now.allowed) {
        end.abort(forbidden(kindOf(asked), asked.name ?? "", "the right to it ended"));
      } else if (this.#partOf(identity, now.isPart) !== part) {
        // What came into sight, or went, has no event: all is to be listed anew.
        end.abort(expired("your rights are others now: list anew"));
      } else {
        timer = this.#whenOver(identity, look);
      }
    };
    const forget = this.#directory.onChange(look);
    look();
    let isHeld = true;
    return {
      signal: end.signal,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        clearTimeout(timer);
        forget();
        if (counted !== undefined) this.#holds.release(counted);
      },
    };
  }

  async changed(resource: string): Promise<void> {
    if ((rightsHangOn as readonly string[]).includes(resource)) await this.#directory.renew();
  }

  #decide(identity: Identity, asked: Attributes): Decision {
    if (isMaster(identity)) return { allowed: true };
    if (!this.#authenticator.isValid(identity)) return over;
    // What there is and which version serves it: whoever is known may ask.
    if (asked.path !== undefined) return { allowed: ["get", "head"].includes(asked.verb) };
    return decide(this.#rightsOf(identity), asked, this.#directory);
  }

  /** Tells which part of what is asked for is in sight. */
  #partOf(identity: Identity, isPart = false): string {
    return isPart ? JSON.stringify(this.#rightsOf(identity)) : "";
  }

  #rightsOf({ user, token }: Identity): readonly Right[] {
    const granted = this.#directory
      .grantsOf(user)
      .filter(isInForce)
      .map(({ spec }) => spec);
    return narrowed(granted, token ?? {});
  }

  /** Timers count no more than some 24 days; watches end long before. */
  #whenOver(identity: Identity, then: () => void): Timer | undefined {
    const rest = this.#authenticator.endOf(identity) - this.#now();
    return rest < 2 ** 31 ? setTimeout(then, Math.max(0, rest)) : undefined;
  }
}

type Timer = ReturnType<typeof setTimeout>;

const over: Decision = { allowed: false, reason: "the credential is no longer valid" };

/** Of a user's many, none uses up what others are for: anybody may make tokens of any user. */
const credentialOf = ({ token, user }: Identity) =>
  token ? `token ${token.uid}` : `certificate ${user}`;

const isInForce = ({ metadata }: { metadata: { deletionTimestamp?: string } }) =>
  metadata.deletionTimestamp === undefined;

const kindOf = ({ resource, group }: Attributes) => ({ plural: resource, group });

function refuseAfter(seconds: number): void {
  if (seconds > 0) throw tooManyRequests(seconds);
}

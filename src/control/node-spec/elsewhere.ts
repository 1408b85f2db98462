/** The lines of a node spec that tell of other hosts: what comes, changes and goes there. */
import type { ApiObject } from "../../api/object.ts";
import type { Changes, ObjectEvent } from "../objects/feed.ts";
import { isSame, topicsOfSaid } from "../objects/topics.ts";
import type { EventType } from "../objects/watching.ts";
import type { Part, Parts } from "./reach.ts";
import { deriveOnce, specLine } from "./read-once.ts";
import type { NodeReader } from "./reader.ts";

/** What the host follows before and after some changes. */
export interface Turn {
  readonly before: Parts;
  readonly after: Parts;
}

const without = (parts: Parts, others: Parts): [string, Part][] =>
  [...parts].filter(([topic]) => !others.has(topic));

/** Whether parts begin or cease to be told, whose lines bear older revisions than the change. */
export const isTurn = ({ before, after }: Turn): boolean => before !== after;

export class Elsewhere {
  readonly #host: string;
  readonly #reader: NodeReader;

  constructor(host: string, reader: NodeReader) {
    this.#host = host;
    this.#reader = reader;
  }

  /** All that is told of these parts as they were at a revision. */
  async *listed(parts: Parts, revision: number, type: EventType = "ADDED"): AsyncGenerator<string> {
    for (const [topic, part] of parts) {
      for await (const entries of this.#reader.ofPart(part, revision)) {
        let text = "";
        for (const entry of entries) {
          const { object, line } = deriveOnce(this.#reader.store, entry, { topic, ...part });
          if (!object || hostOf(object) === this.#host) continue;
          text += type === "ADDED" ? line : specLine(type, object);
        }
        if (text !== "") yield text;
      }
    }
  }

  /** What the host knew of parts that it follows no more, as it was before the changes. */
  gone({ before, after }: Turn, { revision }: Changes): AsyncGenerator<string> {
    return this.listed(new Map(without(before, after)), revision - 1, "DELETED");
  }

  /** Of parts that it follows now, all that there is after the changes. */
  come({ before, after }: Turn, { revision }: Changes): AsyncGenerator<string> {
    return this.listed(new Map(without(after, before)), revision);
  }

  /** What an event is to the host in the parts that it follows before and after it; or nothing. */
  lineOf(event: ObjectEvent, { before, after }: Turn): string {
    const told = (object: ApiObject | undefined): Map<string, Told> => {
      const found = new Map<string, Told>();
      for (const topic of topicsOfSaid(event.resource, object)) {
        const part = before.get(topic);
        if (!part || !after.has(topic)) continue;
        const derived = part.derive(object!);
        if (!derived || hostOf(derived) === this.#host) continue;
        found.set(derived.kind, { topic, derived });
      }
      return found;
    };
    const [was, is] = [told(event.previous), told(event.object)];
    const kinds = new Set([...was.keys(), ...is.keys()]);
    return [...kinds].map((kind) => lineOfChange(event, was.get(kind), is.get(kind))).join("");
  }
}

interface Told {
  readonly topic: string;
  readonly derived: ApiObject;
}

/** What of one kind was told of the object, and is. */
function lineOfChange(event: ObjectEvent, was: Told | undefined, is: Told | undefined): string {
  if (is && was && isSame(is.derived, was.derived)) return "";
  if (is) return lineOfEvent(event, was ? "MODIFIED" : "ADDED", is);
  return was ? lineOfEvent(event, "DELETED", was) : "";
}

/** Made once for all hosts that hear it. */
function lineOfEvent({ lines }: ObjectEvent, type: EventType, { topic, derived }: Told): string {
  const name = `${topic} ${type}`;
  const line = lines.get(name) ?? specLine(type, derived);
  lines.set(name, line);
  return line;
}

/** Whose a derived object is: of that host itself it tells nothing. */
function hostOf({ kind, metadata, spec }: ApiObject): string {
  const isOfHost = kind === "HostPeer" || kind === "BGPNeighbor";
  return isOfHost ? metadata.name : (spec as { readonly host: string }).host;
}

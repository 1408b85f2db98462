/** Waits until each of several objects is as wanted. */
import type { Call } from "../command.ts";
import type { waitCommandFlags } from "../commands/delete.ts";
import { apiOf } from "../connection/api.ts";
import { milliseconds } from "../duration.ts";
import { single } from "../options.ts";
import { nameOf } from "../output/format.ts";
import { selected } from "./selection.ts";
import { forEach } from "./send.ts";
import { type Until, untilOf, waitUntil } from "./wait-until.ts";

const defaultTimeout = "30s";

export async function wait(call: Call<typeof waitCommandFlags>): Promise<number> {
  const { line, surroundings } = call;
  const until = untilOf(single(line, "for") ?? "condition=Ready");
  const deadline = surroundings.now() + milliseconds(single(line, "timeout") ?? defaultTimeout);
  const api = apiOf(call);
  const places = await selected(line, api, surroundings);
  if (places.length === 0) surroundings.terminal.note("No objects: there is nothing to wait for");
  await forEach(places, async (place) => {
    await waitUntil({ api, place, until, deadline, surroundings, uid: place.uid });
    surroundings.terminal.out(`${nameOf(place.kind, place.name)} ${met(until)}\n`);
  });
  return 0;
}

function met(until: Until): string {
  return until === "delete" ? "is gone" : until === "create" ? "is there" : "condition met";
}

/** Work done several pieces at a time, as a busy runtime does. */

/** Runs `work` for every item, `width` at a time. Rejects at the first failure, after all ended. */
export async function inLanes<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  const ended = await Promise.allSettled(Array.from({ length: width }, lane));
  const failures = ended.filter((lane) => lane.status === "rejected").map((lane) => lane.reason);
  if (failures.length > 0) throw failures[0];
}

/** Finds threads of this process that were born in another network namespace and stayed there. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A thread whose system calls about the network go elsewhere than the process thinks. */
export interface StrayThread {
  readonly tid: number;
  /** The thread's own name: `JITWorker`, `HeapHelper`, `Bun Pool 1`. */
  readonly name: string;
  /** As the kernel writes it: `net:[4026532667]`. */
  readonly netns: string;
}

/** Threads that are not where the calling thread is. */
export function strayThreads(): StrayThread[] {
  const own = readlinkSync("/proc/thread-self/ns/net");
  const strays: StrayThread[] = [];
  for (const tid of readdirSync("/proc/self/task")) {
    try {
      const netns = readlinkSync(`/proc/self/task/${tid}/ns/net`);
      if (netns === own) continue;
      const name = readFileSync(`/proc/self/task/${tid}/comm`, "utf8").trim();
      strays.push({ tid: Number(tid), name, netns });
    } catch {
      // The thread has ended since the listing.
    }
  }
  return strays;
}

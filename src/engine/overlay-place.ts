/** Where a host keeps an overlay: a namespace, and beside it the files of an engine for it. */
import { createNetns } from "../kernel/netns/netns.ts";
import { existsSync } from "../kernel/sys/files.ts";
import { namesIfThere } from "../kernel/sys/whole-file.ts";
import { sha256 } from "./names.ts";
import type { Paths } from "./paths.ts";

export interface OverlayPlace {
  /** 16 hex digits that stand for the network. */
  readonly key: string;
  /** Path of its namespace, gone with a reboot. */
  readonly netns: string;
  readonly paths: Paths;
}

/** The key of the network with this uid. */
export const overlayKey = (uid: string): string => sha256(`overlay ${uid}`).slice(0, 16);

/** `main`: the paths of the agent's own engine. */
export function overlayPlace(main: Paths, key: string): OverlayPlace {
  const { instance, stateDir, runDir } = main;
  const folder = `overlays/${key}`;
  return {
    key,
    netns: `${runDir}/${folder}/netns`,
    paths: {
      ...(instance !== undefined && { instance }),
      stateDir: `${stateDir}/${folder}`,
      runDir: `${runDir}/${folder}`,
    },
  };
}

/** Those that files are kept of. */
export const overlayPlaces = (main: Paths): OverlayPlace[] =>
  namesIfThere(`${main.stateDir}/overlays`).map((key) => overlayPlace(main, key));

/** Makes its namespace where there is none: what was in it is gone then. Throws NetnsError. */
export function ensureNamespace({ netns }: OverlayPlace): void {
  if (!existsSync(netns)) createNetns(netns);
}

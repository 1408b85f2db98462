/** The tests that may be skipped where a kernel lacks something; any other skip fails the run. */
import type { AllowedSkip } from "../tools/allowed-skips.ts";

export const allowedSkips: readonly AllowedSkip[] = [];

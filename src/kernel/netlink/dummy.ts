/** The link kind `dummy`: it has no settings of its own. Source: drivers/net/dummy.c. */
import { attrs } from "./codec.ts";

export const dummyData = attrs({});

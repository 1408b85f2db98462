/** The kinds of traffic control: loaded together, where something is limited. */
export { applyFilters, observeFilters } from "./filter.ts";
export { applyQdiscs, observeQdiscs } from "./qdisc.ts";

/** Who of the agent has work when what it knows of its control plane changes. */
import type { Agent } from "./agent.ts";
import type { Cleaning } from "./cleaning.ts";
import { concernedBy, type Part } from "./concerns.ts";
import type { ControlLink } from "./control-link.ts";
import { heedBlocks } from "./loop.ts";
import type { Ticker } from "./ticker.ts";
import type { VxlanGuard } from "./vxlan-guard/vxlan-guard.ts";

interface Ticking {
  readonly ticker: Ticker;
}

interface Parts {
  readonly agent: Agent;
  readonly control: ControlLink;
  readonly telling: Ticker;
  readonly between: Ticking;
  readonly bgp: Ticking;
  readonly guarding: { readonly guard: VxlanGuard };
  readonly loop: Ticker;
  readonly heart: Ticker;
  readonly cleaning: Cleaning;
}

/** What is to be done when the node spec changes, a server is heard again, or a wait ends. */
export function heedChanges(parts: Parts): void {
  const { agent, control, telling, between, bgp, guarding, loop, heart, cleaning } = parts;
  const nudges: Readonly<Record<Part, () => void>> = {
    own() {
      // At once: calls wait for blocks.
      heedBlocks(agent).catch((error) =>
        agent.log({ level: "error", event: "blocks not heeded", error: String(error) }),
      );
      loop.nudge();
      telling.nudge();
    },
    tunnel: () => agent.tunnel.ticker.nudge(),
    routes: () => between.ticker.nudge(),
    bgp: () => bgp.ticker.nudge(),
    silent: () => agent.silent.ticker.nudge(),
    guard: () => guarding.guard.ticker.nudge(),
  };
  const { spec } = agent;
  const isRouted = (network: string) => {
    const [namespace = "", name = ""] = network.split("/");
    return spec.network({ namespace, name })?.spec.type === "routed";
  };
  let wasWhole = false;
  control.onChange = (changes) => {
    agent.overlays.heed(changes);
    if (changes.some(({ key, object }) => key.startsWith("networks/") && !object)) cleaning.want();
    const isWhole = spec.isComplete && spec.revision !== undefined;
    const concerned = concernedBy(isWhole === wasWhole ? changes : [], isRouted);
    wasWhole = isWhole;
    const isNews = changes.length === 0 || changes.some(({ isNews }) => isNews);
    if (isNews && concerned.has("own")) agent.aside.wake();
    for (const part of concerned) nudges[part]();
    // The host's object went, or asks for other addresses.
    const isAsked = changes.some(({ key, isNews }) => isNews && key === `hosts/${agent.host}`);
    if (isAsked || agent.serving.standing === "newcomer") heart.nudge();
  };
  agent.tunnel.onNews = () => {
    agent.overlays.touchAll();
    between.ticker.nudge();
    heart.nudge();
  };
  agent.aside.onNews = () => {
    loop.nudge();
    telling.nudge();
  };
}

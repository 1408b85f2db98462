/** The control plane's API on a store, called in process. */
import { kinds } from "../../src/api/kinds/index.ts";
import { rootOnly } from "../../src/control/http/access.ts";
import { createApp } from "../../src/control/http/app.ts";
import { Feed } from "../../src/control/objects/feed.ts";
import { Objects } from "../../src/control/objects/objects.ts";
import type { Store } from "../../src/control/store/store.ts";
import { silentLog } from "../../src/lib/log.ts";

export const root = "/apis/netloom.dev/v1alpha1";

export interface Served {
  /** Sends a request as root. */
  send(method: string, path: string, body?: unknown, type?: string): Promise<Response>;
  /** As `send`; gives the object of the answer. Throws where the server refuses. */
  call(method: string, path: string, body?: unknown, type?: string): Promise<any>;
  /** All watches end. */
  end(): void;
}

export function serve(store: Store): Served {
  const feed = new Feed(store);
  const ends = new AbortController();
  const parts = { feed, access: rootOnly, kinds, version: "0.1.0", log: silentLog };
  const app = createApp({ objects: new Objects(store), ...parts, ends: ends.signal });
  const send: Served["send"] = async (method, path, body, type = "application/json") => {
    const request = new Request(`http://api${path}`, {
      method,
      headers: { "content-type": type, "user-agent": "bench" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return app.fetch(request, { caller: { uid: 0 } });
  };
  return {
    send,
    async call(method, path, body, type) {
      const response = await send(method, path, body, type);
      const answer = (await response.json()) as any;
      if (response.ok) return answer;
      throw new Error(`${method} ${path}: ${answer.message}`);
    },
    end() {
      ends.abort();
      feed.close();
    },
  };
}

/** Changes part of an object. */
export const mergePatch = "application/merge-patch+json";

/** The HTTP API, without sockets: a request comes, an answer goes. */
import { Hono } from "hono";
import { ApiError, failure, noSuchResource } from "../../api/status-error.ts";
import type { Caller } from "./access.ts";
import { failed, json } from "./answers.ts";
import type { Call, Service } from "./context.ts";
import { documentAt } from "./discovery.ts";
import { parseResourcePath } from "./resource-path.ts";
import { refuseUnaudited, serveResource } from "./resources.ts";
import { review, reviews } from "./reviews.ts";
import type { Trail } from "./trail.ts";

/** What who carries requests tells of each: who is at the other end. */
export interface Bindings {
  readonly caller: Caller;
  /** As `Call` has it. */
  readonly breakOff?: () => void;
}

type Env = { Bindings: Bindings; Variables: { call: Call; trail: Trail } };

/** No address that means anything here is longer. */
const maxTargetLength = 8192;

export function createApp(service: Service): Hono<Env> {
  const app = new Hono<Env>();
  app.onError((error) => failed(error, service.log));
  app.notFound(() => failed(noSuchResource(), service.log));
  for (const path of ["/healthz", "/livez"]) app.get(path, (context) => context.text("ok"));
  app.get("/readyz", async (context) => {
    await service.objects.store.get("/ready");
    refuseUnaudited(service);
    return context.text("ok");
  });
  app.use("*", async (context, next) => {
    const request = context.req.raw;
    const { pathname, search } = new URL(request.url);
    const { caller } = context.env;
    const target = `${pathname}${search}`.slice(0, maxTargetLength);
    const trail: Trail = { caller, method: request.method, target, affected: new Map() };
    context.set("trail", trail);
    await next();
    service.audit?.record(trail, context.res.status);
  });
  app.use("*", async (context, next) => {
    const request = context.req.raw;
    const trail = context.get("trail");
    const identity = await service.access.authenticate(request, context.env.caller);
    trail.identity = identity;
    if (request.url.length > maxTargetLength) throw targetTooLong();
    const { breakOff } = context.env;
    context.set("call", { request, url: new URL(request.url), identity, trail, breakOff });
    await next();
  });
  app.get("/version", async (context) => {
    await refusePath(service, context.get("call"));
    return json(versionOf(service.version));
  });
  for (const [path, of] of Object.entries(reviews)) {
    app.post(path, (context) => review(service, context.get("call"), of));
  }
  for (const root of ["/api/*", "/apis/*", "/openapi/*"]) {
    app.all(root, async (context) => {
      const call = context.get("call");
      const document = isGet(call.request) && documentAt(call.url.pathname, call.request);
      if (document) {
        await refusePath(service, call);
        return document;
      }
      const path = parseResourcePath(call.url.pathname, service.kinds);
      if (!path) throw noSuchResource();
      return serveResource(service, { ...call, path });
    });
  }
  return app;
}

const targetTooLong = () =>
  new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `the address of the request is longer than ${maxTargetLength} characters`,
    reason: "RequestURITooLong",
    code: 414,
  });

const isGet = ({ method }: Request) => method === "GET" || method === "HEAD";

/** Throws ApiError (Forbidden). */
async function refusePath({ access }: Service, { identity, url }: Call): Promise<void> {
  const path = url.pathname;
  const asked = { verb: "get", group: "", resource: "", path };
  const { allowed } = await access.authorize(identity, asked);
  if (allowed) return;
  const message = `forbidden: User "${identity.user}" cannot get path "${path}"`;
  throw failure("Forbidden", message, {});
}

/** As Kubernetes' API server tells it. Clients look at the numbers for what it can do. */
const versionOf = (version: string) => ({
  major: "1",
  minor: "36",
  gitVersion: `v1.36.0+netloom-${version}`,
  platform: "linux/amd64",
});

/** Makes a network by the API, follows it until it is ready, and takes it away again. */
import {
  ApiError,
  client,
  endpoints,
  informer,
  type Network,
  networkKind,
  subnetKind,
} from "netloom/client";

const [name = "blue"] = process.argv.slice(2);
const namespace = "default";
// Several, with commas between, stand in for one another. Beyond a socket: https://HOST:7440.
const servers = (process.env.NETLOOM_SERVER || "unix:/run/netloom/api.sock").split(",");
const token = process.env.NETLOOM_TOKEN;
const api = client(endpoints(servers, { fetch, credentials: { token } }), {
  fieldManager: "example",
  onWarning: (text) => console.error(`warning: ${text}`),
});
const networks = api.of(networkKind);
const subnets = api.of(subnetKind);
const fieldManager = "example";

const isReady = ({ status }: Network) =>
  status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");

// All networks in memory, kept as the server has them, past servers that come and go.
const stop = new AbortController();
const ready = Promise.withResolvers<void>();
const kept = informer(networks, {
  namespace,
  onChange: ({ type, object }) => {
    if (object.metadata.name !== name) return;
    console.log(`${type}: ${name}${isReady(object) ? ", ready" : ""}`);
    if (type !== "removed" && isReady(object)) ready.resolve();
  },
});
const running = kept.run(stop.signal);
await kept.synced;

try {
  await networks.apply(
    { metadata: { namespace, name }, spec: { type: "bridge", mtu: 1400 } },
    { fieldManager },
  );
  await subnets.apply(
    { metadata: { namespace, name }, spec: { network: name, cidr: "10.77.0.0/24" } },
    { fieldManager },
  );
  await Promise.race([ready.promise, running]);
  const { items } = await networks.list({ namespace, fieldSelector: `metadata.name=${name}` });
  console.log(`${items.length} of ${kept.list().length}: mtu ${items[0]?.spec.mtu}`);
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  console.error(`refused: ${error.reason}: ${error.message}`);
  process.exitCode = 1;
} finally {
  // What refers to it, its subnet, goes too.
  if (await networks.find({ namespace, name })) {
    await networks.delete({ namespace, name }, { propagationPolicy: "Foreground" });
  }
  stop.abort();
  await running;
}

/** Reads the files by which a person shows who he is. */
import { readFileSync } from "node:fs";
import type { Credentials } from "../../api/client/endpoints.ts";
import type { Settings } from "./settings.ts";

/** `caOption`: the path that `--ca` gave. Throws an Error that names the file. */
export function credentialsOf(settings: Settings, caOption?: string): Credentials {
  const { ca, cert, key, token, tokenFile } = settings;
  return {
    ...(ca !== undefined && { ca: readFile(ca, ca === caOption ? "--ca" : undefined) }),
    ...(cert !== undefined && { cert: readFile(cert) }),
    ...(key !== undefined && { key: readFile(key) }),
    token: token ?? (tokenFile === undefined ? undefined : readFile(tokenFile).trim()),
  };
}

/** What to say where a server does not know who asks, or believes it no more. */
export function refusalOf(settings: Settings): string {
  const { servers, source, token, tokenSource, tokenFile, cert } = settings;
  const who = `${servers.join(", ")} (${source})`;
  const another = "Ask an admin there for another";
  if (token !== undefined || tokenFile !== undefined) {
    const which = token === undefined ? `in "${tokenFile}"` : `of ${tokenSource}`;
    return (
      `${who} does not accept the token ${which}: it was revoked, its time is over, or it is none ` +
      `of that server. ${another}, from "netloom token create"`
    );
  }
  if (cert !== undefined) {
    const why = "its time is over, or the server believes another authority";
    return `${who} does not accept the certificate in "${cert}": ${why}. ${another}`;
  }
  return (
    `${who} wants to know who asks: name the file of a token with ` +
    '"netloom context set NAME --server URL --token-file FILE"'
  );
}

function readFile(path: string, namedBy = "the context"): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`Cannot read "${path}", which ${namedBy} names: ${(error as Error).message}`);
  }
}

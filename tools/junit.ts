/** Reads the JUnit report that `bun test` writes. */

/** One test's outcome. */
export interface TestCase {
  /** Path as given to `bun test`. */
  readonly file: string;
  /** Groups and name: `group > name`. */
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What a failed test said. */
  readonly text: string;
}

/**
 * The report's test cases, in order. A group that is skipped reports its `beforeAll` and `afterAll`
 * too, as "(unnamed)": they are no tests.
 */
export function readReport(xml: string): TestCase[] {
  const cases = xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g);
  const tests = [...cases].filter(([, head = ""]) => attribute(head, "name") !== "(unnamed)");
  return tests.map(([, head = "", body = ""]) => {
    const group = attribute(head, "classname");
    const name = attribute(head, "name");
    const failure = /<(?:failure|error)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/.exec(
      body,
    );
    return {
      file: attribute(head, "file"),
      name: group === "" ? name : `${group} > ${name}`,
      outcome: failure ? "failed" : /<skipped\b/.test(body) ? "skipped" : "passed",
      text: failure ? plain(failure[2] ?? "").trim() || attribute(failure[1]!, "message") : "",
    };
  });
}

function attribute(head: string, name: string): string {
  return plain(new RegExp(`\\b${name}="([^"]*)"`).exec(head)?.[1] ?? "");
}

const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function plain(xml: string): string {
  return xml.replace(/&(?:#(x?)([0-9a-fA-F]+)|(\w+));/g, (all, hex, code, name) =>
    code ? String.fromCodePoint(Number.parseInt(code, hex ? 16 : 10)) : (entities[name] ?? all),
  );
}

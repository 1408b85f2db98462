/** Tests the manual pages: one a command, and nothing in them that roff would take for its own. */
import { expect, test } from "bun:test";
import { loadAll, otherCommands } from "../src/cli/commands/index.ts";
import { manualPages } from "./man.ts";

const pages = await manualPages();

test("there is a page for every command, and one for all", async () => {
  const names = [...(await loadAll()), ...otherCommands].map(({ name }) => name.replace(" ", "-"));
  const files = ["netloom.1", ...names.map((name) => `netloom-${name}.1`)];
  expect([...pages.keys()].sort()).toEqual(files.sort());
});

test("a page says what the table says", () => {
  const page = pages.get("netloom-port-attach.1")!;
  expect(page).toStartWith('.TH NETLOOM-PORT-ATTACH 1 "" "Netloom ');
  expect(page).toContain(".SH SYNOPSIS\n.B netloom port attach\nPORT NETNS\n");
  expect(page).toContain(".TP\n.B \\-n, \\-\\-namespace NAME\n");
  expect(page).toContain("\n  netloom port attach web\\-1 blue\n");
});

const sectionsOf = (name: string) =>
  [...pages.get(name)!.matchAll(/^\.SH (.*)$/gm)].map(([, title]) => title);
/** A section's text, up to the next one. */
const sectionOf = (name: string, title: string) =>
  pages
    .get(name)!
    .split(/^\.SH /m)
    .find((part) => part.startsWith(`${title}\n`)) ?? "";

test.each(otherCommands.map(({ name }) => name))("the page of %s has every section", (name) => {
  const file = `netloom-${name}.1`;
  const needed = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"];
  expect(sectionsOf(file)).toEqual(expect.arrayContaining(needed));
  if (name !== "clean") expect(sectionOf(file, "OPTIONS")).toContain("\\-\\-");
  expect(sectionOf(file, "SYNOPSIS")).toContain(`netloom ${name}`);
  expect(sectionOf(file, "DESCRIPTION")).not.toMatch(/^ +\\-/m);
});

test("a page tells only what its command may end with", () => {
  const doctor = sectionOf("netloom-doctor.1", "EXIT STATUS");
  expect(doctor).toContain(".B 2\nthere is a fault");
  expect(sectionOf("netloom-sandbox.1", "EXIT STATUS")).toContain("the command's own");
  expect(sectionOf("netloom-version.1", "EXIT STATUS")).not.toContain(".B 3\n");
  expect(sectionOf("netloom-diff.1", "EXIT STATUS")).toContain(".B 1\ndifferences were found");
  expect(sectionOf("netloom-get.1", "EXIT STATUS")).toContain(".B 8\n");
});

test("the main page names every variable that is read", () => {
  const environment = sectionOf("netloom.1", "ENVIRONMENT");
  for (const name of ["NETLOOM_STATE_DIR", "NETLOOM_RUN_DIR", "NETLOOM_LOG", "XDG_CONFIG_HOME"]) {
    expect(environment).toContain(`.B ${name}\n`);
  }
});

test("every line that begins with a dot is one of the page's own requests", () => {
  const requests = /^\.(TH|SH|TP|B|BR|I|PP|nf|fi|br)( |$)/;
  for (const [name, page] of pages) {
    for (const line of page.split("\n")) {
      if (/^[.']/.test(line))
        expect(`${name}: ${line}`).toMatch(new RegExp(`: ${requests.source.slice(1)}`));
      expect(line.replaceAll(/\\(?:[e&-]|\[u[0-9A-F]{4}\])/g, "")).not.toContain("\\");
    }
  }
});

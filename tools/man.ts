/** Writes manual pages from the tables of commands: `bun tools/man.ts FOLDER`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import type { Command, Flags } from "../src/cli/command.ts";
import { loadAll, otherCommands } from "../src/cli/commands/index.ts";
import { exitStatuses, statusesOf } from "../src/cli/exit.ts";
import { asksServer, flagWord } from "../src/cli/help.ts";

/** File name → text in roff (man(7)). */
export async function manualPages(): Promise<ReadonlyMap<string, string>> {
  const commands = await loadAll();
  const pages = new Map<string, string>();
  for (const command of commands) pages.set(fileOf(command.name), commandPage(command));
  for (const { name, summary, help } of otherCommands) {
    pages.set(fileOf(name), page(name, summary, ...helpSections(name, await help())));
  }
  const all = [...commands, ...otherCommands].sort((a, b) => (a.name < b.name ? -1 : 1));
  pages.set("netloom.1", mainPage(all));
  return pages;
}

const fileOf = (name: string) => `${titleOf(name)}.1`;
const titleOf = (name: string) => `netloom-${name.replace(" ", "-")}`;

function page(name: string, summary: string, ...sections: readonly string[]): string {
  const title = name === "" ? "netloom" : titleOf(name);
  const head = `.TH ${title.toUpperCase()} 1 "" "Netloom ${manifest.version}" "Netloom"\n`;
  const about = section("NAME", `${text(title)} \\- ${text(summary.replace(/\.$/, ""))}\n`);
  return head + about + sections.join("");
}

function mainPage(commands: readonly { readonly name: string; readonly summary: string }[]) {
  const list = commands.map(
    ({ name, summary }) => `.TP\n.BR ${text(titleOf(name))} (1)\n${text(summary)}\n`,
  );
  return page(
    "",
    "container networking for Linux",
    section("SYNOPSIS", ".B netloom\n.I COMMAND\n\\&...\n"),
    section("COMMANDS", list.join("")),
    section("EXIT STATUS", statuses(Object.entries(exitStatuses)) + otherStatuses),
    section("ENVIRONMENT", environment()),
  );
}

function commandPage(command: Command): string {
  const { name, summary, usage, description, flags, examples } = command;
  const synopsis = usage.map(
    (words) => `.B netloom ${text(name)}\n${words && text(`${words}\n`)}.br\n`,
  );
  const shown = examples.map(({ does, line }) => {
    const typed = line.startsWith("$ ") ? line.slice(2) : `netloom ${line}`;
    return `${does === "" ? "" : `.PP\n${text(does)}:\n`}${asItIs(`  ${typed}`)}`;
  });
  return page(
    name,
    summary,
    section("SYNOPSIS", synopsis.join("")),
    section("DESCRIPTION", `${text(summary)}\n${description ? `.PP\n${text(description)}\n` : ""}`),
    Object.keys(flags).length > 0 ? section("OPTIONS", options(flags)) : "",
    shown.length > 0 ? section("EXAMPLES", shown.join("")) : "",
    section("EXIT STATUS", statuses(statusesOf(name, askedBy(command)))),
    seeAlso,
  );
}

const seeAlso = ".SH SEE ALSO\n.BR netloom (1)\n";

const askedBy = (command: Command) =>
  asksServer(command) ? "server" : command.name.startsWith("store ") ? "store" : undefined;

const withoutTitle = (text: string) => text.replace(/^(Examples|Then, for example):\n*/, "");

/** Sections of a command whose help is text. */
function helpSections(name: string, help: string): string[] {
  const paragraphs = help.trimEnd().split("\n\n");
  const begins = (word: string) => (text: string) => text.startsWith(word);
  const synopsis = paragraphs.findIndex(begins(`  netloom ${name}`));
  const examples = paragraphs.findIndex((text) => /^(Examples|Then, for example):/.test(text));
  const end = examples < 0 ? paragraphs.length : examples;
  const middle = paragraphs.slice(0, end).filter((_, at) => at !== synopsis);
  const isOptions = begins("  -");
  const shown = (title: string, parts: readonly string[]) =>
    parts.length > 0 ? [section(title, asItIs(parts.join("\n\n")))] : [];
  return [
    ...shown("SYNOPSIS", paragraphs.slice(synopsis, synopsis + 1)),
    ...shown(
      "DESCRIPTION",
      middle.filter((text) => !isOptions(text)),
    ),
    ...shown("OPTIONS", middle.filter(isOptions)),
    ...shown("EXAMPLES", paragraphs.slice(end).map(withoutTitle).filter(Boolean)),
    section("EXIT STATUS", statuses(statusesOf(name))),
    seeAlso,
  ];
}

function options(flags: Flags): string {
  return Object.entries(flags)
    .map(([name, flag]) => `.TP\n.B ${text(flagWord(name, flag).trim())}\n${text(flag.summary)}\n`)
    .join("");
}

function statuses(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([status, meaning]) => `.TP\n.B ${status}\n${text(meaning)}\n`).join("");
}

const otherStatuses = `.PP
${text("netloom diff ends with 1 also where it found differences.")}
${text("netloom doctor ends with 1 where it found a warning, with 2 where it found a fault.")}
${text("netloom sandbox run ends as its command does.")}
`;

/** What commands read of the environment. */
const variables: Readonly<Record<string, string>> = {
  NETLOOM_SERVER: "the server, as --server has it",
  NETLOOM_NAMESPACE: "the namespace, as --namespace has it",
  NETLOOM_TOKEN: "the bearer token",
  NETLOOM_CONFIG: "the file of contexts (netloom/config.yaml in XDG_CONFIG_HOME)",
  XDG_CONFIG_HOME: "the folder of configurations (~/.config)",
  NETLOOM_RUN_DIR: "where this host's sockets and locks are (/run/netloom)",
  NETLOOM_STATE_DIR: "what survives a reboot, of plugins, server and agent (/var/lib/netloom)",
  NETLOOM_LOG: "where plugins and commands log to: a file's path, or stderr (nowhere)",
  NETLOOM_EDITOR: "the editor of netloom edit, before VISUAL and EDITOR",
  NO_COLOR: "print no colours",
};

function environment(): string {
  return Object.entries(variables)
    .map(([name, meaning]) => `.TP\n.B ${name}\n${text(meaning)}\n`)
    .join("");
}

const section = (title: string, body: string) => `.SH ${title}\n${body}`;

/** Lines that keep their breaks and blanks. */
const asItIs = (lines: string) => `.PP\n.nf\n${text(lines.trimEnd())}\n.fi\n`;

/** Text in which roff finds no commands of its own. */
function text(plain: string): string {
  return plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(
      /[^\p{ASCII}]/gu,
      (sign) => `\\[u${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`,
    )
    .replace(/^([.'])/gm, "\\&$1");
}

if (import.meta.main) {
  const folder = process.argv[2] ?? "dist/man";
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of await manualPages()) writeFileSync(join(folder, name), content);
}

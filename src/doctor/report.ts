/** The findings as text, and as JSON. */
import { statusOf } from "./doctor.ts";
import type { Level, Section } from "./finding.ts";

const signs: Readonly<Record<Level, string>> = {
  fine: "  ok   ",
  note: "  note ",
  warning: "  WARN ",
  fault: "  FAULT",
};

/** One line a finding, the mending command below it. */
export function reportText(sections: readonly Section[]): string {
  const lines = sections.flatMap(({ area, findings }) => [
    `${area}`,
    ...findings.flatMap(({ level, what, mend }) => [
      `${signs[level]} ${what}`,
      ...(mend === undefined ? [] : [`          mend: ${mend}`]),
    ]),
    "",
  ]);
  return `${[...lines, summary(sections)].join("\n")}\n`;
}

function summary(sections: readonly Section[]): string {
  const all = sections.flatMap(({ findings }) => findings);
  const count = (level: Level) => all.filter((finding) => finding.level === level).length;
  const [faults, warnings] = [count("fault"), count("warning")];
  if (faults + warnings === 0) return "All is well.";
  return `${faults} ${faults === 1 ? "fault" : "faults"}, ${warnings} ${warnings === 1 ? "warning" : "warnings"}.`;
}

/** `{"status": 0 | 1 | 2, "sections": [{"area", "findings": [{"level", "what", "mend"?}]}]}`. */
export function reportJson(sections: readonly Section[]): string {
  return `${JSON.stringify({ status: statusOf(sections), sections }, null, 2)}\n`;
}

/** What the doctor says: one finding a line. */

/** `fine`; `note`, worth knowing; `warning`, will hurt somebody; `fault`, something fails now. */
export type Level = "fine" | "note" | "warning" | "fault";

export interface Finding {
  readonly level: Level;
  /** A sentence that names the thing. */
  readonly what: string;
  /** A command or an act that mends it. */
  readonly mend?: string;
}

/** The findings of one area of the host, in the order in which they were looked for. */
export interface Section {
  readonly area: string;
  readonly findings: readonly Finding[];
}

export const fine = (what: string): Finding => ({ level: "fine", what });
export const note = (what: string, mend?: string): Finding => finding("note", what, mend);
export const warning = (what: string, mend?: string): Finding => finding("warning", what, mend);
export const fault = (what: string, mend?: string): Finding => finding("fault", what, mend);

function finding(level: Level, what: string, mend: string | undefined): Finding {
  return { level, what, ...(mend !== undefined && { mend }) };
}

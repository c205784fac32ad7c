// Where in which file a rule file is wrong, from the service's problem: `rules.0: line 12: text`.
import type { ProblemDetails } from "../types";

export interface FileProblem {
  /** Place of the file in what was sent, or the name of a pack of tests. */
  file: number | string;
  line: number;
  text: string;
}

const FORM = /^(?:rules|packs|tests)\.([^:：]+)[:：]\s*(?:line|第)\s*(\d+)\s*行?\s*[:：]\s*([\s\S]*)$/;

/** The problems with a line; empty where the refusal is about something else. */
export function fileProblems(problem: ProblemDetails): FileProblem[] {
  const { errors } = problem as ProblemDetails & { errors?: unknown };
  const told = Array.isArray(errors) && errors.every((one) => typeof one === "string") ? errors : [problem.detail];
  return told.flatMap((text: string) => {
    const parts = FORM.exec(text);
    if (!parts) return [];
    const [, file = "", line = "1", words = ""] = parts;
    return [{ file: /^\d+$/.test(file) ? Number(file) : file, line: Number(line), text: words }];
  });
}

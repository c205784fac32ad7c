// The service's explanation, as far as it is shown.
import type { Severity } from "../types";

export interface UsedReading {
  sensor: string;
  unit: string;
  time: string;
  arrived: string;
  value: number;
  use: "judged" | "doubtful" | "held_back" | "late" | "not_yet_here";
}

export interface UsedLimit {
  level: Severity;
  limit: number;
  clears: number;
  origin: "rule" | "override" | "attribute" | "temporary";
  attribute: string | null;
  /** (mark, source) */
  basis: [string, string][];
}

export interface View {
  active: boolean;
  severity: Severity | null;
  raised: string | null;
  decisive: { value: number | null; limit: number | null; level: Severity | null; direction: "above" | "below" | null };
  limits: UsedLimit[];
  readings: UsedReading[];
  readings_left_out: number;
}

export interface Explanation {
  rule: string;
  class: "process" | "instrument" | "system";
  sensor: string;
  time: string;
  value_unit: string | null;
  then: View;
  now: View;
  words: string[];
}

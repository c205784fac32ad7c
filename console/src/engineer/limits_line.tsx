// The limits of a rule in one line, each with its level.
import { SeverityChip } from "../severity";
import { LEVELS, limitText } from "./rule_words";
import type { Limits } from "./types";

export function LimitsLine({ limits, sign, unit }: { limits: Limits; sign: string; unit: string }) {
  return (
    <span class="engineer-limits">
      {LEVELS.filter((level) => limits[level] !== undefined).map((level) => (
        <span key={level}>
          <SeverityChip level={level} short /> {sign} {limitText(limits[level])} {unit}
        </span>
      ))}
    </span>
  );
}

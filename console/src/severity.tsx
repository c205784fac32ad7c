// A severity as it is shown everywhere: shape, letter and name beside the colour; and their order.
import type { Level } from "./level";
import { severityWords } from "./words/shared";

export { type Level, levelOf, rankOf, SEVERITIES } from "./level";

/** A shape and a roman number for each level, for who cannot tell the colours apart. */
const SIGN: Record<Level, string> = {
  red: "◆ Ⅰ",
  orange: "▲ Ⅱ",
  yellow: "■ Ⅲ",
  blue: "● Ⅳ",
  instrument: "◇",
  system: "□",
  none: "○",
};

export function SeverityChip({ level, short = false }: { level: Level; short?: boolean }) {
  return (
    <span class={`severity ${level}`}>
      <span aria-hidden="true">{SIGN[level]}</span>
      {short ? <span class="unseen">{severityWords()[level]}</span> : severityWords()[level]}
    </span>
  );
}

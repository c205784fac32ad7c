// The alarm's journal as lines that people read, newest first; as it was journalled on demand.
import { useSignal } from "@preact/signals";
import { fullTime, shortTime } from "../instant";
import { filled } from "../language";
import { actionWords } from "../words/actions";
import { drawerWords } from "../words/drawer";
import { reasonWords } from "../words/journal";
import { stateWords } from "../words/shared";
import type { Facts } from "./facts";
import { detailText, severityText, withUnit, wordOf } from "./shown";
import type { Line } from "./types";

/** Details that the line says already. */
const SAID = ["step", "suppression"];

export function Journal({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const isRaw = useSignal(false);
  const lines = facts.journal.value;
  if (!lines)
    return <p>{facts.journal.failed ? filled(words.failed, { why: facts.journal.failed }) : words.loading}</p>;
  return (
    <>
      {facts.journal.failed && <p role="alert">{filled(words.failed, { why: facts.journal.failed })}</p>}
      <ol class="drawer-journal" reversed>
        {lines.toReversed().map((line) => (
          <Entry key={line.sequence} line={line} unit={facts.rule.value?.value_unit} />
        ))}
      </ol>
      <details
        onToggle={(event) => {
          isRaw.value = event.currentTarget.open;
        }}
      >
        <summary>{words.raw}</summary>
        {isRaw.value && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
          <pre tabIndex={0}>{lines.map((line) => JSON.stringify(line)).join("\n")}</pre>
        )}
      </details>
    </>
  );
}

function Entry({ line, unit }: { line: Line; unit: string | null | undefined }) {
  const words = drawerWords();
  const moves = line.from !== line.to;
  const turns = line.severity_from !== line.severity && line.class === "process";
  const what = line.action ? wordOf(actionWords(), line.action) : wordOf(reasonWords(), line.reason);
  return (
    <li>
      <time dateTime={line.time} title={fullTime(line.time)}>
        {shortTime(line.time)}
      </time>{" "}
      <strong>{what}</strong> <span>{line.actor ?? <span class="soft">{words.system}</span>}</span>{" "}
      {moves && (
        <span class="drawer-moves">
          {stateWords()[line.from]} → {stateWords()[line.to]}
        </span>
      )}{" "}
      {turns && (
        <span>
          {line.severity_from && `${severityText(line.severity_from)} → `}
          {severityText(line.severity)}
        </span>
      )}{" "}
      {!line.action && line.value !== null && (
        <span>
          {withUnit(line.value, unit)}
          {line.limit !== null && ` (${words.limit} ${withUnit(line.limit, unit)})`}
        </span>
      )}
      {line.until && <span> {filled(words.untilTime, { time: shortTime(line.until) })}</span>}
      {line.comment && <q>{line.comment}</q>}
      {line.details && (
        <span class="soft">
          {Object.entries(line.details)
            .filter(([name]) => !SAID.includes(name))
            .map(([name, value]) => detailText(name, value))
            .join(" · ")}
        </span>
      )}
    </li>
  );
}

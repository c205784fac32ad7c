// The banner: how many wait of each severity, the newest of the highest, the flood; and new ones told to a screen reader.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { alarms, changed, listeners, loaded } from "../alarm_store";
import { age } from "../instant";
import { filled, named } from "../language";
import { route, setQuery } from "../router";
import { type Level, levelOf, rankOf, SEVERITIES, SeverityChip } from "../severity";
import type { Alarm } from "../types";
import { severityWords, stateWords } from "../words/shared";
import { gravest, isQuiet, isUnacknowledged } from "./filter";
import { floods } from "./floods";
import { ruleTitle } from "./rule_names";
import { alarmWords, placeOf } from "./said";
import { isAnnunciation } from "./sounding";

const LEVELS: readonly Level[] = [...SEVERITIES, "system", "instrument"];
const SAID_TOGETHER_MS = 1500;

interface Brief {
  counts: Map<Level, { waiting: number; standing: number }>;
  newest: Alarm | null;
}

/** Of all alarms that are annunciated, whatever the list is filtered by. */
function brief(): Brief {
  changed.value;
  const counts: Brief["counts"] = new Map(LEVELS.map((level) => [level, { waiting: 0, standing: 0 }]));
  let newest: Alarm | null = null;
  for (const alarm of alarms.values()) {
    if (isQuiet(alarm)) continue;
    const count = counts.get(gravest(alarm));
    if (count) count.standing += 1;
    if (!isUnacknowledged(alarm)) continue;
    if (count) count.waiting += 1;
    const higher = newest && rankOf(levelOf(alarm)) - rankOf(levelOf(newest));
    if (higher === null || higher > 0 || (higher === 0 && alarm.raised_at > (newest as Alarm).raised_at))
      newest = alarm;
  }
  return { counts, newest };
}

export function Banner() {
  const words = alarmWords();
  const { counts, newest } = useComputed(brief).value;
  return (
    <section class="alarm-banner" aria-label={words.banner}>
      <div class="counts">
        {LEVELS.map((level) => (
          <Count key={level} level={level} {...(counts.get(level) as { waiting: number; standing: number })} />
        ))}
      </div>
      <p class="newest">{newest ? <Newest alarm={newest} /> : loaded.value ? words.noneWaiting : words.loading}</p>
      <Floods />
      <Announcer />
    </section>
  );
}

function Count({ level, waiting, standing }: { level: Level; waiting: number; standing: number }) {
  const chosen = route.value.query.get("severity") === level;
  const told = filled(alarmWords().counts, { level: severityWords()[level], waiting, standing });
  return (
    <button
      type="button"
      class={`count ${waiting ? "" : "none"}`}
      aria-pressed={chosen}
      title={told}
      onClick={() => setQuery({ severity: chosen ? null : level, view: null })}
    >
      <SeverityChip level={level} short />
      <strong>{waiting}</strong>
      <span class="unseen">{stateWords().unacknowledged}</span>
      <span class="soft">/ {standing}</span>
    </button>
  );
}

function Newest({ alarm }: { alarm: Alarm }) {
  const words = alarmWords();
  return (
    <>
      <span class="soft newest-label">{words.newest}</span>{" "}
      <button type="button" onClick={() => setQuery({ alarm: alarm.alarm }, true)}>
        <SeverityChip level={levelOf(alarm)} /> <strong>{placeOf(alarm)}</strong> {ruleTitle(alarm.rule)}{" "}
        <span class="soft">{age(alarm.raised_at)}</span>
      </button>
    </>
  );
}

function Floods() {
  const words = alarmWords();
  const unfolded = route.value.query.get("folded") === "shown";
  changed.value;
  return (
    <>
      {floods.value.map((flood) => {
        const first = alarms.get(flood.first_out);
        const told = first ? `${placeOf(first)} ${ruleTitle(first.rule)}` : flood.first_out;
        const { position } = flood;
        return (
          <span key={position.position} class="flood">
            <span role="status">
              {filled(words.flood, {
                position: named(position.name_zh, position.name, position.position),
                first: told,
                count: flood.folded,
              })}
            </span>{" "}
            <button type="button" onClick={() => setQuery({ folded: unfolded ? null : "shown" })}>
              {unfolded ? words.foldThem : words.showFolded}
            </button>
          </span>
        );
      })}
    </>
  );
}

/** Told at once where it is red, whatever else is read; the others are in the list and its counts. */
function Announcer() {
  const told = useSignal("");
  useEffect(() => {
    let timer = 0;
    let waiting: string[] = [];
    const listen = (after: Alarm) => {
      if (after.severity !== "red" || !isAnnunciation(after)) return;
      waiting.push(filled(alarmWords().newRed, { place: placeOf(after), rule: ruleTitle(after.rule) }));
      timer ||= window.setTimeout(
        () => {
          told.value = waiting.slice(-3).join("; ");
          waiting = [];
          timer = 0;
        },
        told.peek() ? SAID_TOGETHER_MS : 0,
      );
    };
    listeners.add(listen);
    return () => {
      listeners.delete(listen);
      clearTimeout(timer);
    };
  }, []);
  return (
    <span class="unseen" role="alert">
      {told.value}
    </span>
  );
}

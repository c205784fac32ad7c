// The strips above and below the matrix: clock and mode, standing alarms by severity, flood, incidents, warnings, ages.
import { connected, heardAt } from "../feed";
import { clockTime, now, span } from "../instant";
import { filled, locale, named } from "../language";
import { SEVERITIES, SeverityChip } from "../severity";
import { status, statusAt } from "../status";
import type { Mode } from "../types";
import { modeWords } from "../words/shared";
import { wallWords } from "../words/wall";
import { floods, incidents, KNOWN_MS_MAX, type Known, warnings } from "./figures";
import { type Cell, cellOf, countOf, type PartnerCity, SUPPRESSED, WAITING } from "./rows";

export function Head({ mode, cities }: { mode: Mode; cities: readonly PartnerCity[] }) {
  const only = cities.length === 1 ? cities[0] : undefined;
  return (
    <header class="wall-head">
      <h1>
        {only && `${named(only.name_zh, only.name, only.city)} `}
        {wallWords().title}
      </h1>
      <span class={`wall-mode ${mode}`}>{modeWords()[mode]}</span>
      <Clock />
    </header>
  );
}

function Clock() {
  const instant = new Date(now.value);
  const date = new Intl.DateTimeFormat(locale.value, {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    weekday: "short",
  });
  const zone = new Intl.DateTimeFormat(locale.value, { timeZoneName: "short" })
    .formatToParts(instant)
    .find((part) => part.type === "timeZoneName");
  return (
    <p class="wall-clock">
      <span>{date.format(instant)}</span> <time>{clockTime(now.value)}</time> <span>{zone?.value}</span>
    </p>
  );
}

/** What has to be said first when what is seen is old: since when, and that nothing is known of now. */
export function Lost({ since }: { since: number | null }) {
  const words = wallWords();
  return (
    <p class="wall-lost" role="alert">
      <strong>{words.lost}</strong>{" "}
      {since === null
        ? words.neverConnected
        : filled(words.lostSince, { time: clockTime(since), age: span((now.value - since) / 1000) })}
    </p>
  );
}

export function Totals({ cities }: { cities: readonly PartnerCity[] }) {
  const words = wallWords();
  const together = cellOf(cities);
  return (
    <section class="wall-totals" aria-label={words.total}>
      {SEVERITIES.map((severity) => {
        const standing = countOf(cities, severity) - countOf(cities, severity, SUPPRESSED);
        return (
          <div class={`wall-total ${standing > 0 ? severity : "none"}`} key={severity}>
            <SeverityChip level={severity} />
            <strong>{standing}</strong>
            <span class="wall-fact">{filled(words.unacknowledged, { count: countOf(cities, severity, WAITING) })}</span>
          </div>
        );
      })}
      <FloodBadge />
      <Count label={words.incidents} known={incidents.value} />
      <Count label={words.warnings} known={warnings.value} />
      <Unheard together={together} />
    </section>
  );
}

function Count({ label, known }: { label: string; known: Known<number> | null }) {
  const words = wallWords();
  const fresh = known !== null && now.value - known.at < KNOWN_MS_MAX;
  return (
    <div class={`wall-total${fresh && known.value > 0 ? " some" : ""}`}>
      <span class="wall-label">{label}</span>
      <strong>{fresh ? known.value : words.notKnown}</strong>
      {!fresh && <span class="wall-fact">{words.noAnswer}</span>}
    </div>
  );
}

function FloodBadge() {
  const words = wallWords();
  const known = floods.value;
  const fresh = known !== null && now.value - known.at < KNOWN_MS_MAX;
  const first = fresh ? known.value[0] : undefined;
  return (
    <div class={`wall-total${first ? " flood" : ""}`}>
      <span class="wall-label">{words.flood}</span>
      {!first && <strong>{fresh ? words.noFlood : words.notKnown}</strong>}
      {first && (
        <span class="wall-fact">
          {filled(words.floodText, {
            name: named(first.name_zh, first.name, ""),
            time: clockTime(first.began_at),
            count: first.annunciated,
            folded: first.folded,
          })}
        </span>
      )}
      {!fresh && <span class="wall-fact">{words.noAnswer}</span>}
    </div>
  );
}

function Unheard({ together }: { together: Cell }) {
  const words = wallWords();
  return (
    <div class={`wall-total${together.unheard > 0 ? " some" : ""}`}>
      <span class="wall-label">{words.unheard}</span>
      <strong>{together.unheard}</strong>
      <span class="wall-fact">
        {together.neverHeard > 0
          ? filled(words.neverHeard, { count: together.neverHeard })
          : filled(words.sensors, { sensors: together.sensors })}
      </span>
    </div>
  );
}

/** What is known and how old it is, at the foot. */
export function Foot({
  cities,
  pages,
  page,
  red,
}: {
  cities: readonly PartnerCity[];
  pages: number;
  page: number;
  red: string;
}) {
  const words = wallWords();
  const cell = cellOf(cities);
  const seconds = (since: number | null) =>
    since === null ? words.notKnown : Math.max(0, Math.round((now.value - since) / 1000));
  const figures = { sensors: cell.sensors, unheard: cell.unheard };
  const standing = cell.worst !== null || cell.unacknowledged > 0;
  return (
    <footer class="wall-foot">
      <p class="wall-sentence">
        {connected.value && filled(standing ? words.summaryAlarm : words.summaryQuiet, figures)}
      </p>
      <p>{filled(words.feedAge, { seconds: seconds(heardAt.value) })}</p>
      <p>{filled(words.statusAge, { seconds: seconds(statusAt.value) })}</p>
      <p>{filled(words.evaluated, { time: clockTime(status.value?.evaluated_through.clock) })}</p>
      {pages > 1 && (
        <p class="wall-page">
          {filled(words.page, { page: page + 1, pages })}
          {red && ` · ${red}`}
        </p>
      )}
    </footer>
  );
}

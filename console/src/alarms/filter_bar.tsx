// Views with their counts, and filters with a chip for each that is set; all of it is the address.
import { useComputed } from "@preact/signals";
import { alarms, changed } from "../alarm_store";
import { filled } from "../language";
import { cityName, districtName } from "../names";
import { setQuery } from "../router";
import { SEVERITIES } from "../severity";
import { viewWords } from "../words/alarms";
import { severityWords } from "../words/shared";
import { systemName } from "./alarm_row";
import { FILTERS, type Filters, VIEWS, type View } from "./filter";
import { asked, found } from "./shown";

const LEVELS = [...SEVERITIES, "system", "instrument"] as const;
type Name = keyof Filters;

export const focusFilter = (): void => document.getElementById("filter-q")?.focus();

export function FilterBar() {
  const words = viewWords();
  const { view } = asked.value;
  return (
    <div class="filter-bar">
      <nav class="tabs" aria-label={words.views}>
        {[...VIEWS, "incidents" as const].map((one) => (
          <Tab key={one} view={one} current={one === view} />
        ))}
      </nav>
      <search class="filters" aria-label={words.filters}>
        <Choices />
        <label>
          <span class="unseen">{words.q}</span>
          <input
            id="filter-q"
            type="search"
            placeholder={words.qHint}
            value={asked.value.filters.q}
            maxLength={100}
            onInput={(event) => setQuery({ q: event.currentTarget.value })}
          />
        </label>
      </search>
      <Chips />
    </div>
  );
}

function Tab({ view, current }: { view: View; current: boolean }) {
  const count = view === "incidents" ? null : found.value.counts[view];
  return (
    <button
      type="button"
      aria-current={current ? "page" : undefined}
      onClick={() => setQuery({ view: view === "current" ? null : view, incident: null }, true)}
    >
      {viewWords()[view]}
      {count !== null && <span class="tab-count"> {count}</span>}
    </button>
  );
}

/** What there is to choose from: what the alarms have, and what is chosen already. */
function useValues(): Record<"system" | "district" | "city" | "assigned", string[]> {
  return useComputed(() => {
    changed.value;
    const sets = {
      system: new Set<string>(),
      district: new Set<string>(),
      city: new Set<string>(),
      assigned: new Set<string>(),
    };
    for (const alarm of alarms.values()) {
      sets.system.add(alarm.system);
      sets.district.add(alarm.district);
      sets.city.add(alarm.city);
      if (alarm.handling?.assigned_to) sets.assigned.add(alarm.handling.assigned_to);
    }
    const names = Object.keys(sets) as (keyof typeof sets)[];
    return Object.fromEntries(
      names.map((name) => {
        const chosen = asked.value.filters[name];
        if (chosen) sets[name].add(chosen);
        return [name, [...sets[name]].filter(Boolean).sort()];
      }),
    ) as Record<keyof typeof sets, string[]>;
  }).value;
}

function Choices() {
  const values = useValues();
  return (
    <>
      <Choice name="severity" values={LEVELS} />
      <Choice name="system" values={values.system} />
      <Choice name="district" values={values.district} />
      {values.city.length > 1 && <Choice name="city" values={values.city} />}
      <Choice name="assigned" values={values.assigned} />
    </>
  );
}

function Choice({ name, values }: { name: Name; values: readonly string[] }) {
  const words = viewWords();
  const chosen = asked.value.filters[name];
  return (
    <select
      value={chosen}
      aria-label={words[name]}
      onChange={(event) => setQuery({ [name]: event.currentTarget.value })}
    >
      <option value="">{words[name]}</option>
      {chosen.includes(",") && <option value={chosen}>{told(name, chosen)}</option>}
      {values.map((value) => (
        <option key={value} value={value}>
          {told(name, value)}
        </option>
      ))}
    </select>
  );
}

function told(name: Name, value: string): string {
  if (name === "severity")
    return value
      .split(",")
      .map((one) => (severityWords() as Record<string, string>)[one] ?? one)
      .join(", ");
  if (name === "system") return systemName(value);
  if (name === "city") return cityName(value);
  if (name === "district") {
    const city = [...alarms.values()].find((one) => one.district === value)?.city;
    return city ? districtName(city, value) : value;
  }
  return value;
}

function Chips() {
  const words = viewWords();
  const set = FILTERS.filter((name) => asked.value.filters[name]);
  if (set.length === 0) return null;
  return (
    <div class="chips">
      {set.map((name) => {
        const value = told(name, asked.value.filters[name]);
        return (
          <button
            type="button"
            key={name}
            aria-label={filled(words.remove, { name: words[name], value })}
            onClick={() => setQuery({ [name]: null })}
          >
            {words[name]}: {value} ✕
          </button>
        );
      })}
      {set.length > 1 && (
        <button type="button" onClick={() => setQuery(Object.fromEntries(set.map((name) => [name, null])))}>
          {words.removeAll} ✕
        </button>
      )}
    </div>
  );
}

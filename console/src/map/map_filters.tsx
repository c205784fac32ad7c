// Which city, system and severity the map shows.
import { filled, named } from "../language";
import { SEVERITIES } from "../severity";
import type { Severity } from "../types";
import { mapWords } from "../words/map";
import { severityWords, systemWords } from "../words/shared";
import type { MapModel } from "./map_model";

export function MapFilters({ model }: { model: MapModel }) {
  const words = mapWords();
  const cities = model.cities.value;
  const filters = model.filters.value;
  return (
    <form class="map-filters" aria-label={words.filters} onSubmit={(event) => event.preventDefault()}>
      {cities.length > 1 && (
        <label>
          {words.city}{" "}
          <select value={model.city.value ?? ""} onChange={(event) => model.chooseCity(event.currentTarget.value)}>
            {cities.map((one) => (
              <option key={one.city} value={one.city}>
                {named(one.name_zh, one.name, one.city)}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        {words.system}{" "}
        <select value={filters.system} onChange={(event) => model.filter({ system: event.currentTarget.value })}>
          <option value="">{words.allSystems}</option>
          {Object.entries(systemWords()).map(([system, text]) => (
            <option key={system} value={system}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words.severity}{" "}
        <select
          value={filters.severity}
          onChange={(event) => model.filter({ severity: event.currentTarget.value as Severity | "" })}
        >
          <option value="">{words.allSeverities}</option>
          {SEVERITIES.map((severity) => (
            <option key={severity} value={severity}>
              {severity === "red"
                ? severityWords()[severity]
                : filled(words.atLeast, { level: severityWords()[severity] })}
            </option>
          ))}
        </select>
      </label>
      <label>
        <input
          type="checkbox"
          checked={filters.instrument}
          onChange={(event) => model.filter({ instrument: event.currentTarget.checked })}
        />{" "}
        {words.instrument}
      </label>
    </form>
  );
}

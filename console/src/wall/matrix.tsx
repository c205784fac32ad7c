// The matrix of the wall: districts or cities by systems, grey unless abnormal, hatched where nothing is known.
import { clockTime } from "../instant";
import { filled, named } from "../language";
import { districtName } from "../names";
import { SeverityChip } from "../severity";
import { severityWords, systemWords } from "../words/shared";
import { wallWords } from "../words/wall";
import type { Cell, Row } from "./rows";

const SYSTEMS = ["gas", "water", "drainage", "displacement", "heating", "bridge", "weather", "lighting"] as const;

/** Of when the figures are, where they are old: what was quiet then is not known to be so now. Undefined: fresh. */
type AsOf = string | number | null | undefined;

/** `most`: rows of the longest page, by which the type is chosen, so that it is the same on all pages. */
export function Matrix({
  rows,
  all,
  most,
  asOf,
}: {
  rows: readonly Row[];
  all: readonly Row[];
  most: number;
  asOf: AsOf;
}) {
  const words = wallWords();
  const there = new Set(all.flatMap((row) => [...row.systems.keys()]));
  const systems = SYSTEMS.filter((system) => there.has(system));
  const severalCities = new Set(all.map((row) => row.city.city)).size > 1;
  return (
    <table class={`wall-matrix ${most <= 4 ? "few" : most > 9 ? "many" : ""}`}>
      <thead>
        <tr>
          <th scope="col">{words.place}</th>
          {systems.map((system) => (
            <th scope="col" key={system}>
              {systemWords()[system]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} data-row={row.id}>
            <th scope="row">
              <span class="wall-place">{nameOf(row)}</span>
              <span class="wall-fact">
                {[severalCities && row.district !== null ? cityName(row) : "", wordOf(row)].filter(Boolean).join(" · ")}
              </span>
            </th>
            {systems.map((system) => (
              <CellView key={system} cell={row.systems.get(system)} system={system} asOf={asOf} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const cityName = (row: Row) => named(row.city.name_zh, row.city.name, row.city.city);

function nameOf(row: Row): string {
  if (row.district === null) return cityName(row);
  return districtName(row.city.city, row.district) || wallWords().noDistrict;
}

/** What else is to be said of a row: a partner's city that is silent or lags, else how many sensors are heard. */
function wordOf(row: Row): string {
  const words = wallWords();
  if (row.city.silent) {
    return row.city.silent_since
      ? filled(words.silentCity, { time: clockTime(row.city.silent_since) })
      : words.silentNever;
  }
  if (row.city.behind) return words.cityBehind;
  return filled(words.sensors, { sensors: row.total.sensors });
}

function CellView({ cell, system, asOf }: { cell: Cell | undefined; system: string; asOf: AsOf }) {
  const words = wallWords();
  if (!cell || cell.kind === "absent") {
    return (
      <td class="wall-cell absent">
        <span class="wall-fact">{words.absent}</span>
      </td>
    );
  }
  const known = asOf === undefined;
  const hatched = cell.kind === "blind" || cell.kind === "half_blind" || (!known && cell.kind === "quiet");
  const blind = cell.sensors > 0 && cell.unheard * 2 >= cell.sensors;
  return (
    <td class={`wall-cell ${cell.kind}${hatched || blind ? " hatched" : ""}`} data-system={system}>
      {cell.worst !== null ? (
        <span class={`wall-worst severity ${cell.worst}${cell.unacknowledged > 0 ? " waiting" : ""}`}>
          <SeverityChip level={cell.worst} short /> <strong class="wall-count">{cell.count}</strong>
        </span>
      ) : (
        <span class="wall-word">{known || cell.kind === "alarm" ? wordOfKind(cell) : words.blind}</span>
      )}
      <Facts cell={cell} asOf={asOf} />
    </td>
  );
}

function wordOfKind(cell: Cell): string {
  const words = wallWords();
  if (cell.kind === "alarm") return words.toAcknowledge;
  return cell.kind === "quiet" ? words.quiet : words.blind;
}

function Facts({ cell, asOf }: { cell: Cell; asOf: AsOf }) {
  const words = wallWords();
  const facts = [
    cell.unacknowledged > 0 && filled(words.cellUnacknowledged, { count: cell.unacknowledged }),
    cell.doubtful > 0 && filled(words.doubtful, { count: cell.doubtful }),
    asOf !== undefined && cell.worst === null && filled(words.staleCell, { time: clockTime(asOf) }),
    cell.unheard >= cell.sensors
      ? filled(words.blindAll, { sensors: cell.sensors })
      : cell.unheard > 0
        ? filled(words.cellUnheard, { count: cell.unheard, sensors: cell.sensors })
        : filled(words.sensors, { sensors: cell.sensors }),
    cell.returned > 0 && filled(words.returned, { count: cell.returned }),
    cell.aside > 0 && filled(words.aside, { count: cell.aside }),
    (cell.asideWorst === "red" || cell.asideWorst === "orange") &&
      filled(words.asideWorst, { worst: severityWords()[cell.asideWorst] }),
    cell.bad > 0 && filled(words.bad, { count: cell.bad }),
  ].filter((one): one is string => typeof one === "string");
  return (
    <>
      {facts.map((text) => (
        <span class="wall-fact" key={text}>
          {text}
        </span>
      ))}
    </>
  );
}

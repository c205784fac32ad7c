// The newest red and orange alarms of the wall, large: red first, then what nobody has acknowledged, then the newest.
import { alarms, changed, mode } from "../alarm_store";
import { isQuiet, isUnacknowledged } from "../alarms/filter";
import { unitOfAlarm } from "../alarms/rule_names";
import { valueAndLimit } from "../alarms/said";
import { age, shortTime } from "../instant";
import { filled, named } from "../language";
import { districtName, ruleName } from "../names";
import { rankOf, SeverityChip } from "../severity";
import type { Alarm } from "../types";
import { stateWords, systemWords } from "../words/shared";
import { wallWords } from "../words/wall";
import { KNOWN_MS_MAX, type PartnerAlarm, partnerAlarms } from "./figures";
import type { PartnerCity } from "./rows";

const SHOWN_MAX = 12;

/** What is shown of an alarm, be it the city's own or a partner's. */
type Shown = Pick<
  Alarm,
  "alarm" | "severity" | "state" | "condition" | "rule" | "sensor" | "raised_at" | "mode" | "kind" | "value" | "limit"
> &
  Pick<PartnerAlarm, "city" | "system" | "district"> &
  Partial<Pick<Alarm, "name" | "name_zh" | "handling" | "class">>;

/** Red and orange alarms that stand and are not put aside, the gravest, least seen to and newest first. */
function gravest(found: Iterable<Shown>): Shown[] {
  return [...found]
    .filter((one) => (one.severity === "red" || one.severity === "orange") && !isQuiet(one))
    .sort(
      (one, other) =>
        rankOf(other.severity ?? "none") - rankOf(one.severity ?? "none") ||
        Number(isUnacknowledged(other)) - Number(isUnacknowledged(one)) ||
        other.raised_at.localeCompare(one.raised_at),
    );
}

export function Newest({ cities }: { cities: readonly PartnerCity[] }) {
  changed.value;
  const words = wallWords();
  const partners = partnerAlarms.value;
  const own = [...alarms.values()];
  const theirs = partners && Date.now() - partners.at < KNOWN_MS_MAX ? partners.value : [];
  const shownCities = new Set(cities.map((city) => city.city));
  const found = gravest(
    [...own, ...theirs].filter((one) => one.mode === mode.value && shownCities.has(one.city)) as Shown[],
  );
  const shown = found.slice(0, SHOWN_MAX); // those that have no room wrap out of sight; the heading counts all
  return (
    <section class="wall-newest" aria-labelledby="wall-newest">
      <h2 id="wall-newest">
        {words.newest} {found.length > 0 && <strong>{filled(words.inAll, { count: found.length })}</strong>}
      </h2>
      {shown.length === 0 && <p class="wall-none">{words.noRedOrange}</p>}
      <ol>
        {shown.map((alarm) => (
          <li key={`${alarm.city} ${alarm.alarm}`} class={isUnacknowledged(alarm) ? "waiting" : ""}>
            <p class="wall-what">
              <SeverityChip level={alarm.severity ?? "none"} />
              <strong class="wall-rule">{ruleName(alarm.rule)}</strong>
              {unitOfAlarm(alarm) && <strong class="wall-rule">{valueAndLimit(alarm as Alarm).value}</strong>}
            </p>
            <p class="wall-where">{placeOf(alarm, cities)}</p>
            <p class="wall-fact">
              {shortTime(alarm.raised_at)} · {filled(words.ago, { age: age(alarm.raised_at) })} ·{" "}
              {stateWords()[alarm.state]} · {alarm.handling ? words[`step_${alarm.handling.step}`] : words.nobody}
            </p>
            {alarm.condition === "unknown" && <p class="wall-fact doubt">{words.doubt}</p>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function placeOf(alarm: Shown, cities: readonly PartnerCity[]): string {
  const city = cities.find((one) => one.city === alarm.city);
  const system = systemWords()[alarm.system as keyof ReturnType<typeof systemWords>] ?? alarm.system;
  return [
    cities.length > 1 && city ? named(city.name_zh, city.name, city.city) : "",
    districtName(alarm.city, alarm.district),
    system,
    named(alarm.name_zh, alarm.name, alarm.sensor),
  ]
    .filter(Boolean)
    .join(" · ");
}

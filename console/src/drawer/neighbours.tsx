// What is around the alarm: the sensors upstream, downstream, of the same asset and near, and those of its incident.
import { alarms, changed } from "../alarm_store";
import { read } from "../api";
import { WhyNot } from "../explanation/why_not";
import { age } from "../instant";
import { filled, named } from "../language";
import { setQuery } from "../router";
import { levelOf, rankOf, SeverityChip } from "../severity";
import type { Alarm } from "../types";
import { drawerWords } from "../words/drawer";
import { propertyWords } from "../words/properties";
import { useAnswer } from "./answer";
import type { Facts } from "./facts";
import { neighboursOf } from "./neighbouring";
import { inLanguage, withUnit, wordOf } from "./shown";
import type { IncidentDetail, SensorItem } from "./types";

const RADIUS_M = 1000;
const ASKED = 60;

export function Neighbours({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const { alarm } = facts;
  const sensor = facts.sensor.value;
  const hasPlace = alarm.longitude !== null && alarm.latitude !== null;
  const around = useAnswer(
    async () => {
      if (!hasPlace) return [];
      const near = `${alarm.longitude},${alarm.latitude}`;
      const asked = { near, radius_m: RADIUS_M, limit: ASKED, latest: true, city: alarm.city };
      return (await read<{ sensors: SensorItem[] }>("/sensors", asked)).sensors;
    },
    [alarm.sensor],
    30_000,
  );
  const found = sensor ? neighboursOf(sensor, around.value ?? []) : [];
  return (
    <>
      <Incident alarm={alarm} />
      {!hasPlace && <p class="soft">{words.noPlace}</p>}
      {around.failed && <p role="alert">{filled(words.failed, { why: around.failed })}</p>}
      {hasPlace && around.value && !found.length && <p class="soft">{words.noNeighbours}</p>}
      {found.length > 0 && (
        <table class="drawer-neighbours">
          <thead>
            <tr>
              <th scope="col">{words.neighbour}</th>
              <th scope="col">{words.relation}</th>
              <th scope="col" class="number">
                {words.newest}
              </th>
              <th scope="col">{words.alarmHere}</th>
            </tr>
          </thead>
          <tbody>
            {found.map(({ sensor: one, relation }) => (
              <tr key={one.sensor}>
                <td>
                  {named(one.name_zh, one.name, one.sensor)}{" "}
                  <span class="soft">{wordOf(propertyWords(), one.property)}</span>
                </td>
                <td>
                  {relation !== "near" && `${words[relation]} `}
                  {one.distance_m != null && filled(words.near, { distance: Math.round(one.distance_m) })}
                </td>
                <td class="number">
                  {withUnit(one.latest?.value, one.reading_unit)}
                  <br />
                  <span class={one.doubt ? "doubt" : "soft"}>
                    {one.doubt && `◇ ${words[`doubt_${one.doubt}`]} `}
                    {one.latest && age(one.latest.time)}
                  </span>
                </td>
                <td>
                  <AlarmOf sensor={one.sensor} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {found.length > 0 && <WhyNot sensors={found.map((one) => one.sensor)} time={Date.parse(alarm.raised_at)} />}
    </>
  );
}

/** The gravest alarm that stands at a sensor, as a way to it. */
function AlarmOf({ sensor }: { sensor: string }) {
  changed.value; // rises when the list has changed
  const standing = [...alarms.values()].filter((one) => one.sensor === sensor);
  const gravest = standing.toSorted((a, b) => rankOf(levelOf(b)) - rankOf(levelOf(a)))[0];
  return gravest ? <WayTo alarm={gravest.alarm} level={levelOf(gravest)} /> : <>–</>;
}

function WayTo({ alarm, level }: { alarm: string; level: Parameters<typeof rankOf>[0] }) {
  return (
    <a
      href={`?alarm=${encodeURIComponent(alarm)}`}
      onClick={(event) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        setQuery({ alarm }, true);
      }}
    >
      <SeverityChip level={level} />
    </a>
  );
}

const MEMBERS_SHOWN = 8;

/** The other alarms of the incident, each with the reason for which it belongs there. */
function Incident({ alarm }: { alarm: Alarm }) {
  const words = drawerWords();
  const incident = useAnswer(async () => {
    if (!alarm.incident) return null;
    return await read<IncidentDetail>(`/incidents/${encodeURIComponent(alarm.incident)}`);
  }, [alarm.incident, alarm.sequence]);
  const members = ((incident.value?.members ?? []) as unknown as Member[]).filter((one) => one.alarm !== alarm.alarm);
  if (incident.failed) return <p role="alert">{filled(words.failed, { why: incident.failed })}</p>;
  if (!incident.value || !members.length) return null;
  return (
    <>
      <h4>{filled(words.inIncident, { cause: inLanguage(incident.value.probable_cause.words) })}</h4>
      <ul class="drawer-members">
        {members.slice(0, MEMBERS_SHOWN).map((one) => (
          <li key={one.alarm}>
            <WayTo alarm={one.alarm} level={one.severity ?? (one.class === "process" ? "none" : one.class)} />{" "}
            {named(one.name_zh, one.name, one.sensor)}{" "}
            <span class="soft">{inLanguage(one.reason?.words).replaceAll(alarm.alarm, words.thisAlarm)}</span>
          </li>
        ))}
        {members.length > MEMBERS_SHOWN && (
          <li class="soft">{filled(words.more, { count: members.length - MEMBERS_SHOWN })}</li>
        )}
      </ul>
    </>
  );
}

type Member = Pick<Alarm, "alarm" | "class" | "severity" | "sensor" | "name" | "name_zh"> & {
  reason: { words?: { zh: string; en: string } } | null;
};

// What the forms offer to choose from: causes, who is on duty, teams and people of the rosters, the sensor's unit.
import { orNone, read } from "../api";
import { shortTime } from "../instant";
import type { Alarm } from "../types";
import type { Action } from "./offered";
import type { Cause, CityRosters, OnDuty, SensorItem } from "./types";

export interface Choices {
  causes: Cause[];
  /** Who is on duty, narrowest roster first; null where it cannot be told to this reader. */
  onDuty: { who: string; duty: string; until: string }[] | null;
  teams: string[];
  people: string[];
  /** UCUM, as measured values are sent. */
  unit: string;
}

/** What is not there, or not for this reader, is not offered. */
const NOT_OFFERED = [403, 404];

export const NO_CHOICES: Choices = { causes: [], onDuty: null, teams: [], people: [], unit: "" };

/** Read what the form of an act needs; raises Refused or NoAnswer. */
export async function choicesFor(action: Action, alarm: Alarm): Promise<Choices> {
  if (action === "resolve") {
    return { ...NO_CHOICES, causes: await read<Cause[]>("/cause-codes", { system: alarm.system }) };
  }
  if (action === "verify") {
    const sensor = await orNone(read<SensorItem>(`/sensors/${encodeURIComponent(alarm.sensor)}`), NOT_OFFERED);
    return { ...NO_CHOICES, unit: sensor?.reading_unit ?? "" };
  }
  if (action !== "assign") return NO_CHOICES;
  const place = { city: alarm.city, district: alarm.district, system: alarm.system };
  const [found, rosters] = await Promise.all([
    orNone(read<{ on_duty: OnDuty[] }>("/rosters/on-duty", place), NOT_OFFERED),
    orNone(read<{ rosters: CityRosters[] }>("/rosters", { city: alarm.city }), NOT_OFFERED),
  ]);
  const teams = rosters?.rosters.flatMap((city) => city.teams) ?? [];
  return {
    ...NO_CHOICES,
    onDuty: found?.on_duty.map(({ who, duty, until }) => ({ who, duty, until: shortTime(until) })) ?? null,
    teams: teams.map((team) => team.team),
    people: [...new Set(teams.flatMap((team) => team.members))].toSorted(),
  };
}

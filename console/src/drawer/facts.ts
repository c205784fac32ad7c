// What the drawer knows of its alarm: the alarm as it stands, its journal, its sensor, its rule, and what waits.
import { useSignal, useSignalEffect } from "@preact/signals";
import { alarms, changed } from "../alarm_store";
import { isQuiet } from "../alarms/filter";
import { orNone, Refused, read } from "../api";
import type { Alarm } from "../types";
import { acted, keepShown } from "./actions";
import { type Answer, useAnswer } from "./answer";
import type { Approval, Line, SensorItem, SensorRule, Suppression } from "./types";

const EVERY_MS = 10_000;

export interface Facts {
  alarm: Alarm;
  journal: Answer<Line[]>;
  sensor: Answer<SensorItem | null>;
  rule: Answer<SensorRule | null>;
  suppressions: Answer<Suppression[]>;
  approvals: Answer<Approval[]>;
}

/** An alarm as it stands: of the list where that has it, else as the service says, asked again and again. */
export function useAlarm(id: string): { alarm: Alarm | null; failed: string; isMissing: boolean; again: () => void } {
  const newest = useSignal(alarms.get(id)?.sequence ?? 0);
  useSignalEffect(() => {
    changed.value; // rises when the list has changed
    newest.value = alarms.get(id)?.sequence ?? 0;
  });
  const isMissing = useSignal(false);
  const asked = useAnswer(
    async () => {
      try {
        const found = await read<Alarm>(`/alarms/${encodeURIComponent(id)}`);
        keepShown(found);
        isMissing.value = false;
        return found;
      } catch (error) {
        if (error instanceof Refused && error.status === 404) isMissing.value = true;
        throw error;
      }
    },
    [id, newest.value, acted.value],
    EVERY_MS,
  );
  const listed = alarms.get(id);
  const read_ = asked.value?.alarm === id ? asked.value : null;
  const alarm = listed && listed.sequence > (read_?.sequence ?? 0) && listed.raised_at ? listed : read_;
  return { alarm, failed: asked.failed, isMissing: isMissing.value, again: asked.again };
}

/** What belongs to an alarm, asked anew whenever something has happened to it. */
export function useFacts(alarm: Alarm): Facts {
  const id = encodeURIComponent(alarm.alarm);
  const sensor = encodeURIComponent(alarm.sensor);
  return {
    alarm,
    journal: useAnswer(() => read<Line[]>(`/alarms/${id}/journal`), [id, alarm.sequence]),
    sensor: useAnswer(() => orNone(read<SensorItem>(`/sensors/${sensor}`)), [sensor]),
    rule: useAnswer(() => ruleOf(alarm), [sensor, alarm.rule, alarm.rule_version]),
    suppressions: useAnswer(async () => {
      if (!isQuiet(alarm)) return [];
      const found = await read<{ suppressions: Suppression[] }>("/suppressions", { sensor: alarm.sensor });
      return found.suppressions.filter((one) => one.rule === null || one.rule === alarm.rule);
    }, [id, alarm.sequence]),
    approvals: useAnswer(
      async () => (await read<{ approvals: Approval[] }>("/approvals", { subject: alarm.alarm })).approvals,
      [id, alarm.sequence, acted.value],
      EVERY_MS,
    ),
  };
}

/** The rule as it holds at the sensor; of what is no sensor, like a gateway, as its pack has it; else null. */
async function ruleOf(alarm: Alarm): Promise<SensorRule | null> {
  const path = `/sensors/${encodeURIComponent(alarm.sensor)}/rules`;
  const here = await orNone(read<{ rules: SensorRule[] }>(path));
  const found = here?.rules.find((rule) => rule.rule === alarm.rule);
  if (found) return found;
  const { packs } = await read<{ packs: { rules: PackRule[] }[] }>("/rules");
  const rule = packs.flatMap((pack) => pack.rules).find((one) => one.rule === alarm.rule);
  if (!rule) return null;
  return {
    ...rule,
    kind: alarm.kind,
    class: alarm.class,
    annunciated: true,
    temporary: false,
    of: null,
    samples: null,
    direction: null,
    unit: null,
    value_unit: null,
    limits: {},
    deadband: null,
    on_delay_s: null,
    off_delay_s: null,
  } as SensorRule;
}

type PackRule = Pick<SensorRule, "rule" | "rule_version" | "name" | "guidance">;

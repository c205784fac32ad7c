// What stood at a time of the past: the journal's lines put on and taken off again, in the order in which they became known.
import type { Alarm } from "../types";

/** A line of the journal as it is exported. */
export type Line = Omit<Alarm, "state" | "changed_at" | "raised_at">;

/** An alarm as it stood. */
export interface Stood {
  alarm: string;
  rule: string;
  kind: string;
  sensor: string;
  class: Alarm["class"];
  mode: Alarm["mode"];
  severity: Alarm["severity"];
  state: Alarm["to"];
  condition: Alarm["condition"] | null;
  value: number | null;
  raised: number;
}

/** A line, when it became known, and the alarm before and after; undefined where there was none yet, or none any more. */
export interface Step {
  at: number;
  line: Line;
  before: Stood | undefined;
  after: Stood | undefined;
}

const RAISED = /\.(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/;

/** When an alarm was raised, as its id says; the time of its line where it does not. */
export function raisedAt(line: Pick<Line, "alarm" | "time">): number {
  const found = RAISED.exec(line.alarm);
  if (!found) return Date.parse(line.time);
  const [, year, month, day, hour, minute, second, ms] = found;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
}

function stood(line: Line, state: Alarm["to"], severity: Alarm["severity"]): Stood | undefined {
  if (state === "normal") return undefined;
  return {
    alarm: line.alarm,
    rule: line.rule,
    kind: line.kind,
    sensor: line.sensor,
    class: line.class,
    mode: line.mode,
    severity,
    state,
    condition: line.condition,
    value: line.value,
    raised: raisedAt(line),
  };
}

/** The alarms of a city over a span; `go` sets the time, `standing` tells what stood then. */
export class Past {
  readonly steps: Step[] = [];
  readonly standing = new Map<string, Stood>();
  private place = 0;

  /** `lines` from `from` on to now, in any order; `present`: what stands now, of which what is older than them stood all along. */
  constructor(
    lines: readonly Line[],
    present: readonly Alarm[],
    readonly from: number,
  ) {
    const byAlarm = new Map<string, Line[]>();
    for (const line of lines) {
      const known = byAlarm.get(line.alarm);
      if (known) known.push(line);
      else byAlarm.set(line.alarm, [line]);
    }
    for (const own of byAlarm.values()) this.take(own.sort((one, other) => one.sequence - other.sequence));
    for (const alarm of present) {
      if (byAlarm.has(alarm.alarm)) continue;
      const at = Date.parse(alarm.known_at);
      const after = stood(alarm, alarm.state, alarm.severity);
      if (at > from) this.steps.push({ at, line: alarm, before: undefined, after });
      else if (after) this.standing.set(alarm.alarm, after);
    }
    this.steps.sort((one, other) => one.at - other.at || compare(one.line, other.line));
    this.go(from);
  }

  /** How many steps have been taken: those that were known by then. */
  get known(): number {
    return this.place;
  }

  /** Let it be that time (ms). */
  go(time: number): void {
    for (; this.place < this.steps.length && (this.steps[this.place] as Step).at <= time; this.place += 1) {
      const step = this.steps[this.place] as Step;
      this.put(step.line.alarm, step.after);
    }
    for (; this.place > 0 && (this.steps[this.place - 1] as Step).at > time; this.place -= 1) {
      const step = this.steps[this.place - 1] as Step;
      this.put(step.line.alarm, step.before);
    }
  }

  private take(own: Line[]): void {
    const first = own[0] as Line;
    // the first line of all raises it; what has lines before these stood as this one found it
    let before = first.sequence > 1 ? stood(first, first.from, first.severity_from) : undefined;
    if (before) {
      before = { ...before, condition: null, value: null };
      this.standing.set(first.alarm, before);
    }
    let at = 0;
    for (const line of own) {
      at = Math.max(at, Date.parse(line.known_at));
      const after = stood(line, line.to, line.severity);
      this.steps.push({ at, line, before, after });
      before = after;
    }
  }

  private put(alarm: string, found: Stood | undefined): void {
    if (found) this.standing.set(alarm, found);
    else this.standing.delete(alarm);
  }
}

function compare(one: Line, other: Line): number {
  if (one.alarm === other.alarm) return one.sequence - other.sequence;
  return one.alarm < other.alarm ? -1 : 1;
}

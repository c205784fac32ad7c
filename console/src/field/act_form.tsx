// The forms of acts on site; what they give is written down before it is sent.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { written } from "../alarms/units";
import type { Action } from "../drawer/offered";
import { filled, named } from "../language";
import { fieldActWords } from "../words/field_acts";
import { serviceTime } from "./answers";
import { Check, Choice, Problem, type Problems, Text } from "./form_fields";
import { Permit } from "./parts";
import { locate, place } from "./place";
import { needsOwnMeasurement } from "./shown";
import { causeCodes } from "./tasks";
import type { Cause, Position, Task } from "./types";

const GAS_UNITS: Record<string, readonly string[]> = {
  combustible_gas: ["%{LEL}", "%{vol}", "[ppm]"],
  hydrogen_sulfide: ["mg/m3", "[ppm]"],
};
/** Minutes of work on site that can be chosen, by purpose; the service allows an hour and a day. */
const MINUTES = { bump_test: [15, 30, 60], maintenance: [60, 120, 240, 480] } as const;

type Body = Record<string, unknown>;
/** A form as it was read: its body, or what is wrong by field. */
type Read = { body: Body; problems?: undefined } | { body?: undefined; problems: Problems };
type Reader = (form: FormData) => Read;

interface Props {
  action: Action;
  task: Task;
  write: (body: Body, position?: Position) => void;
  cancel: () => void;
}

const said = (form: FormData, name: string): string => String(form.get(name) ?? "").trim();
const given = (form: FormData, name: string): Body => (said(form, name) ? { [name]: said(form, name) } : {});

export function ActForm({ action, task, write, cancel }: Props) {
  const words = fieldActWords();
  const problems = useSignal<Problems>({});
  const [fields, read] = formOf(action, task, problems.value);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const got = read(form);
    if (got.problems) {
      problems.value = got.problems;
      document.getElementById(`act-${Object.keys(got.problems)[0]}`)?.focus();
      return;
    }
    if (form.get("with_place") !== "on") return write(got.body);
    await locate();
    const at = place.peek();
    write(got.body, at?.kind === "position" ? at.at : undefined);
  };
  return (
    <form class="field-form" onSubmit={submit} noValidate aria-label={words[`act_${action}` as "act_accept"]}>
      <h2>{words[`act_${action}` as "act_accept"]}</h2>
      {fields}
      <p class="field-hint">{words.waitsForNetwork}</p>
      <button type="submit" class="main">
        {words.send}
      </button>
      <button type="button" onClick={cancel}>
        {words.cancel}
      </button>
    </form>
  );
}

function needed(body: Body, ...names: string[]): Read {
  const missing = names.filter((name) => body[name] === undefined || body[name] === "");
  if (missing.length === 0) return { body };
  return { problems: Object.fromEntries(missing.map((name) => [name, fieldActWords().needed])) };
}

function formOf(action: Action, task: Task, problems: Problems): [ComponentChildren, Reader] {
  const words = fieldActWords();
  switch (action) {
    case "comment":
      return [
        <Text name="comment" label={words.comment} problems={problems} />,
        (form) => needed(given(form, "comment"), "comment"),
      ];
    case "decline":
      return [
        <Text name="reason" label={words.reason} problems={problems} />,
        (form) => needed(given(form, "reason"), "reason"),
      ];
    case "arrive":
      return [<Check name="with_place" label={words.withPlace} />, () => ({ body: {} })];
    case "resolve":
      return [<Resolve task={task} problems={problems} />, readResolution];
    case "verify":
      return [<Verify task={task} problems={problems} />, readVerification];
    case "suppress":
      return [<Work problems={problems} />, readWork];
    default:
      return [null, () => ({ body: {} })];
  }
}

function Resolve({ task, problems }: { task: Task; problems: Problems }) {
  const words = fieldActWords();
  const causes = useSignal<Cause[]>([]);
  useEffect(() => {
    causeCodes().then((found) => (causes.value = found));
  }, []);
  const fitting = causes.value.filter((one) => (one.systems as string[]).includes(task.alarm.system));
  return (
    <>
      <Choice
        name="cause_code"
        label={words.cause}
        problems={problems}
        choices={fitting.map((one) => [one.cause_code, named(one.name_zh, one.name, one.cause_code)])}
      />
      <Text name="note" label={words.note} problems={problems} />
      <label for="act-photograph">{words.photograph}</label>
      <input id="act-photograph" name="photograph" type="url" inputMode="url" maxLength={1000} />
      <Problem name="photograph" problems={problems} />
    </>
  );
}

function readResolution(form: FormData): Read {
  const body = { ...given(form, "cause_code"), ...given(form, "note"), ...given(form, "photograph") } as Body;
  if (body.photograph && !String(body.photograph).startsWith("https://")) {
    return { problems: { photograph: fieldActWords().linkWanted } };
  }
  return needed(body, "cause_code");
}

function Verify({ task, problems }: { task: Task; problems: Problems }) {
  const words = fieldActWords();
  const property = task.sensor?.property ?? "";
  const isGas = task.alarm.system === "gas" || property in GAS_UNITS;
  const method = useSignal(isGas ? "measurement" : "inspection");
  const units = GAS_UNITS[property] ?? (isGas ? GAS_UNITS.combustible_gas : null) ?? [task.latest?.unit ?? "1"];
  return (
    <>
      {needsOwnMeasurement(property, task.alarm.system) && <Permit sewer={task.alarm.system !== "gas"} />}
      <Choice
        name="passed"
        label={words.result}
        problems={problems}
        choices={[
          ["true", words.passed],
          ["false", words.failed],
        ]}
      />
      <Choice
        name="method"
        label={words.method}
        problems={problems}
        chosen={method.value}
        change={(value) => (method.value = value)}
        choices={(["measurement", "inspection", "other"] as const).map((one) => [one, words[`method_${one}`]])}
      />
      {method.value === "measurement" && (
        <>
          <label for="act-value">{words.measured}</label>
          <input id="act-value" name="value" inputMode="decimal" autocomplete="off" maxLength={20} />
          <Problem name="value" problems={problems} />
          <Choice
            name="unit"
            label={words.unit}
            problems={problems}
            chosen={units[0] ?? "1"}
            choices={units.map((one) => [one, written(one) || one])}
          />
          {isGas && !(property in GAS_UNITS) && <input type="hidden" name="property" value="combustible_gas" />}
        </>
      )}
      <Text name="note" label={words.note} problems={problems} />
    </>
  );
}

function readVerification(form: FormData): Read {
  const words = fieldActWords();
  const passed = said(form, "passed");
  const body: Body = { ...given(form, "method"), ...given(form, "note"), ...(passed && { passed: passed === "true" }) };
  if (said(form, "method") === "measurement") {
    const text = said(form, "value").replace(",", ".");
    if (text === "" || !Number.isFinite(Number(text))) return { problems: { value: words.numberWanted } };
    Object.assign(body, { value: Number(text), unit: said(form, "unit") }, given(form, "property"));
  }
  return needed(body, "passed", ...(passed === "false" ? ["note"] : []));
}

export function Work({ problems }: { problems: Problems }) {
  const words = fieldActWords();
  const purpose = useSignal<keyof typeof MINUTES>("bump_test");
  return (
    <>
      <p class="field-hint">{words.suppressing}</p>
      <Choice
        name="purpose"
        label={words.purpose}
        problems={problems}
        chosen={purpose.value}
        change={(value) => (purpose.value = value as keyof typeof MINUTES)}
        choices={(["bump_test", "maintenance"] as const).map((one) => [one, words[one]])}
      />
      <Choice
        key={purpose.value}
        name="minutes"
        label={words.duration}
        problems={problems}
        chosen={String(MINUTES[purpose.value][0])}
        choices={MINUTES[purpose.value].map((one) => [
          String(one),
          one < 60 ? filled(words.minutes, { minutes: one }) : filled(words.hours, { hours: one / 60 }),
        ])}
      />
      <Text name="reason" label={words.reason} problems={problems} />
    </>
  );
}

/** The end is an instant: told later, the work has not become longer. */
export function readWork(form: FormData): Read {
  const until = new Date(serviceTime() + Number(said(form, "minutes")) * 60_000).toISOString();
  return needed({ ...given(form, "purpose"), until, ...given(form, "reason") }, "reason");
}

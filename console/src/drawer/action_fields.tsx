// Which fields each act asks for.
import { dateTime, span } from "../instant";
import { filled, named } from "../language";
import { SEVERITIES } from "../severity";
import type { Alarm } from "../types";
import { formWords } from "../words/actions";
import { severityWords } from "../words/shared";
import type { Choices } from "./choices";
import { serviceNow } from "./clock";
import { Area, Choice, type Form, Line, type Option } from "./form_fields";
import { needsSecondPerson, REVIEW_DAYS, SHELVE_S, SHELVE_S_DEFAULT, type Values, WORK_S } from "./forms";
import type { Action } from "./offered";

interface Properties {
  action: Action;
  alarm: Alarm;
  form: Form;
  values: Values;
  choices: Choices;
}

export function ActionFields(given: Properties) {
  const { action, form } = given;
  switch (action) {
    case "comment":
      return <Area form={form} name="comment" required />;
    case "judge":
      return <Judge {...given} />;
    case "shelve":
      return <Shelve {...given} />;
    case "suppress":
      return <Work {...given} />;
    case "out-of-service":
      return <OutOfService {...given} />;
    case "assign":
      return <Assign {...given} />;
    case "resolve":
      return <Resolve {...given} />;
    case "verify":
      return <Verify {...given} />;
    case "decline":
      return <Area form={form} name="reason" required />;
    case "return-to-service":
      return (
        <>
          <p>{formWords().returns}</p>
          <Area form={form} name="comment" />
        </>
      );
    default:
      return <Area form={form} name="comment" />;
  }
}

const durations = (seconds: readonly number[]): Option[] =>
  seconds.map((one) => ({ value: String(one), label: span(one) }));

/** Days from now, each with its date by the service's clock. */
const reviews = (): Option[] =>
  REVIEW_DAYS.map((days) => ({
    value: String(days),
    label: `${span(days * 86_400)} (${dateTime(serviceNow.peek() + days * 86_400_000)})`,
  }));

/** Options with their words, of a name with what may follow it. */
function options(name: "verdict" | "purpose" | "scope" | "method" | "passed", values: readonly string[]): Option[] {
  const words: Record<string, string> = formWords();
  return values.map((value) => ({ value, label: words[`${name}_${value}`] ?? value }));
}

function Judge({ form, values }: Properties) {
  const words = formWords();
  const levels = SEVERITIES.map((value) => ({ value, label: severityWords()[value] }));
  const verdicts = options("verdict", ["true", "false", "test"]);
  return (
    <>
      <Choice form={form} name="verdict" required options={[{ value: "", label: words.choose }, ...verdicts]} />
      {values.verdict === "true" && (
        <Choice form={form} name="proposed_severity" options={[{ value: "", label: words.none }, ...levels]} />
      )}
      <Area form={form} name="comment" />
    </>
  );
}

function Shelve({ form, alarm, values }: Properties) {
  const words = formWords();
  const present = alarm.severity ? SEVERITIES.indexOf(alarm.severity) : SEVERITIES.length;
  const graver = SEVERITIES.slice(0, present).toReversed();
  const levels = graver.map((value) => ({ value, label: severityWords()[value] }));
  return (
    <>
      <Choice form={form} name="duration_s" required options={durations(SHELVE_S)} value={String(SHELVE_S_DEFAULT)} />
      {alarm.class === "process" && levels.length > 0 && (
        <Choice form={form} name="severity_max" options={[{ value: "", label: words.presentLevel }, ...levels]} />
      )}
      <Area form={form} name="reason" required />
      <p>{words.shelveEnds}</p>
      {needsSecondPerson(alarm, values.severity_max) && <p class="drawer-weighty">{words.secondPerson}</p>}
    </>
  );
}

function Work({ form, values }: Properties) {
  const purpose = values.purpose === "maintenance" ? "maintenance" : "bump_test";
  return (
    <>
      <Choice form={form} name="purpose" required options={options("purpose", ["bump_test", "maintenance"])} />
      <Choice form={form} name="duration_s" key={purpose} required options={durations(WORK_S[purpose])} />
      <Choice form={form} name="scope" options={options("scope", ["sensor", "rule"])} />
      <Area form={form} name="reason" required />
      <p class="drawer-weighty">{formWords().workEnds}</p>
    </>
  );
}

function OutOfService({ form }: Properties) {
  return (
    <>
      <Line form={form} name="permit" required />
      <Choice form={form} name="review_days" required options={reviews()} value="7" />
      <Choice form={form} name="scope" options={options("scope", ["sensor", "rule"])} />
      <Area form={form} name="reason" required />
      <p class="drawer-weighty">{formWords().outOfService}</p>
    </>
  );
}

function Assign({ form, values, choices }: Properties) {
  const words = formWords();
  const crew = choices.onDuty?.find((one) => one.duty === "crew");
  const first = crew ? filled(words.byRosterNamed, { who: crew.who, time: crew.until }) : words.nobodyOnDuty;
  const known: Option[] = [
    { value: "", label: choices.onDuty ? first : words.byRoster },
    ...choices.teams.map((name) => ({ value: `team:${name}`, label: filled(words.team, { name }) })),
    ...choices.people.map((name) => ({ value: `to:${name}`, label: name })),
    { value: "other", label: words.otherPerson },
  ];
  return (
    <>
      <Choice form={form} name="who" options={known} />
      {values.who === "other" && <Line form={form} name="to" required />}
      <Area form={form} name="comment" />
    </>
  );
}

function Resolve({ form, values, choices }: Properties) {
  const causes = choices.causes.map((one) => ({
    value: one.cause_code,
    label: named(one.name_zh, one.name, one.cause_code),
  }));
  return (
    <>
      <Choice form={form} name="cause_code" required options={[{ value: "", label: formWords().choose }, ...causes]} />
      <Area form={form} name="note" required={values.cause_code === "other"} />
      <Line form={form} name="photograph" type="url" />
    </>
  );
}

function Verify({ form, alarm, values, choices }: Properties) {
  const words = formWords();
  const methods = options("method", ["measurement", "inspection", "other"]);
  const gas = alarm.system === "gas" && alarm.class === "process";
  return (
    <>
      <Choice form={form} name="passed" options={options("passed", ["yes", "no"])} />
      <Choice form={form} name="method" required options={methods} hint={gas ? words.gasMeasured : undefined} />
      {(values.method ?? "measurement") === "measurement" && (
        <>
          <Line form={form} name="value" type="number" required />
          <Line form={form} name="unit" value={choices.unit} required />
        </>
      )}
      <Area form={form} name="note" required={values.passed === "no"} />
    </>
  );
}

// Fields of the forms of the phone view, each with its label and what is wrong with it.
import { fieldWords } from "../words/field";
import { fieldActWords } from "../words/field_acts";

const TEXT_CHARACTERS_MAX = 2000;

/** What is wrong, by field. */
export type Problems = Record<string, string>;

export function Text({ name, label, problems }: { name: string; label: string; problems: Problems }) {
  return (
    <>
      <label for={`act-${name}`}>{label}</label>
      <textarea
        id={`act-${name}`}
        name={name}
        rows={2}
        maxLength={TEXT_CHARACTERS_MAX}
        aria-describedby={`hint-${name}`}
      />
      <small id={`hint-${name}`}>{fieldActWords().noPersonal}</small>
      <Problem name={name} problems={problems} />
    </>
  );
}

export function Check({ name, label }: { name: string; label: string }) {
  return (
    <label class="field-check">
      <input type="checkbox" name={name} /> {label}
    </label>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  choices: (readonly [string, string])[];
  problems: Problems;
  chosen?: string;
  change?: (value: string) => void;
}

export function Choice({ name, label, choices, problems, chosen, change }: ChoiceProps) {
  return (
    <>
      <label for={`act-${name}`}>{label}</label>
      <select id={`act-${name}`} name={name} value={chosen} onChange={(event) => change?.(event.currentTarget.value)}>
        {chosen === undefined && <option value="">{fieldWords().choose}</option>}
        {choices.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Problem name={name} problems={problems} />
    </>
  );
}

export function Problem({ name, problems }: { name: string; problems: Problems }) {
  if (!problems[name]) return null;
  return (
    <p class="field-refusal" role="alert">
      {problems[name]}
    </p>
  );
}

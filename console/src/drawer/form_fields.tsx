// The parts of the forms of acts: a label, its field, and beside it what is wrong with it.
import type { ComponentChildren } from "preact";
import { formWords } from "../words/actions";

export interface Option {
  value: string;
  label: string;
}

/** What all fields of a form know: what is wrong by name, and what they begin with. */
export interface Form {
  errors: Record<string, string>;
  id: string;
}

interface FieldProperties {
  form: Form;
  name: keyof ReturnType<typeof formWords>;
  required?: boolean;
  hint?: string | undefined;
  children: (attributes: {
    id: string;
    name: string;
    "aria-invalid"?: "true";
    "aria-describedby"?: string;
    "aria-required"?: "true";
  }) => ComponentChildren;
}

function Field({ form, name, required = false, hint, children }: FieldProperties) {
  const id = `${form.id}-${name}`;
  const error = form.errors[name];
  const told = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class={error ? "drawer-field wrong" : "drawer-field"}>
      <label for={id}>
        {formWords()[name]}
        {required && <span aria-hidden="true"> *</span>}
      </label>
      {children({
        id,
        name,
        ...(error && { "aria-invalid": "true" }),
        ...(told && { "aria-describedby": told }),
        ...(required && { "aria-required": "true" }),
      })}
      {hint && (
        <p class="drawer-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="drawer-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

type Given = Omit<FieldProperties, "children">;

export function Line({
  type = "text",
  value = "",
  ...given
}: Given & { type?: "text" | "number" | "url"; value?: string }) {
  return (
    <Field {...given}>
      {(own) => (
        <input
          {...own}
          type={type as "text"}
          defaultValue={value}
          step={type === "number" ? "any" : undefined}
          autocomplete="off"
          maxLength={type === "number" ? undefined : 1000}
        />
      )}
    </Field>
  );
}

/** Words of a person; none that name a householder (invariant I9). */
export function Area(given: Omit<Given, "hint">) {
  return (
    <Field {...given} hint={formWords().personal}>
      {(own) => <textarea {...own} rows={3} maxLength={2000} />}
    </Field>
  );
}

export function Choice({ options, value = "", ...given }: Given & { options: readonly Option[]; value?: string }) {
  return (
    <Field {...given}>
      {(own) => (
        <select {...own}>
          {options.map((option) => (
            <option key={option.value} value={option.value} selected={option.value === value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

// The dialog of one act: what is asked for, what is wrong with it, and what became of it.
import { useComputed, useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { messageOf } from "../api";
import { shortTime } from "../instant";
import { filled, named } from "../language";
import { levelOf, SeverityChip } from "../severity";
import type { Alarm } from "../types";
import { actionWords, formWords } from "../words/actions";
import { stateWords } from "../words/shared";
import { ActionFields } from "./action_fields";
import { act, NotDone } from "./actions";
import { choicesFor, NO_CHOICES } from "./choices";
import { serviceNow } from "./clock";
import { bodyOf, missingOf, type Values } from "./forms";
import type { Action } from "./offered";
import type { Requested } from "./types";
import "./dialog.css";

/** Fields of bodies that have another name in the forms. */
const FORM_NAMES: Record<string, string> = { review_at: "review_days", team: "who" };

/** Ask for what an act needs, send it, and tell what became of it. The focus goes back to where it was. */
export function openAction(alarm: Alarm, action: Action): void {
  const host = document.createElement("div");
  document.body.append(host);
  const gone = () => {
    render(null, host);
    host.remove();
  };
  render(<ActionDialog alarm={alarm} action={action} gone={gone} />, host);
}

export function ActionDialog({ alarm, action, gone }: { alarm: Alarm; action: Action; gone: () => void }) {
  const words = formWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const seen = useSignal(alarm); // the act is on the alarm as it is shown here
  const choices = useSignal(NO_CHOICES);
  const values = useSignal<Values>({});
  const errors = useSignal<Record<string, string>>({});
  const refused = useSignal("");
  const isChanged = useSignal(false);
  const isSending = useSignal(false);
  const requested = useSignal<Requested | null>(null);
  const title = useComputed(() => actionWords()[action]);

  useEffect(() => {
    dialog.current?.showModal();
    choicesFor(action, alarm).then(
      (found) => {
        choices.value = found;
      },
      (error) => {
        refused.value = filled(words.optionsFailed, { why: messageOf(error) });
      },
    );
  }, []);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (isSending.value) return;
    const given = valuesOf(event.currentTarget as HTMLFormElement);
    const wrong = Object.fromEntries(missingOf(action, given).map((name) => [name, words.missing]));
    errors.value = wrong;
    refused.value = "";
    if (Object.keys(wrong).length) return focusWrong();
    isSending.value = true;
    try {
      const done = await act(seen.value, action, bodyOf(action, given, serviceNow.peek()));
      if (done.requested) requested.value = done.requested;
      else dialog.current?.close();
    } catch (error) {
      if (!(error instanceof NotDone)) throw error;
      tell(error);
    } finally {
      isSending.value = false;
    }
  }

  function tell(error: NotDone): void {
    const fields = Object.entries(error.fields).map(([name, told]) => [FORM_NAMES[name] ?? name, told] as const);
    const here = fields.filter(([name]) => dialog.current?.querySelector(`[name="${name}"]`));
    errors.value = Object.fromEntries(here);
    if (!here.length) refused.value = error.message;
    const { current } = error;
    if (current && current.sequence > seen.value.sequence) {
      seen.value = current;
      isChanged.value = true;
    }
    focusWrong();
  }

  function focusWrong(): void {
    setTimeout(() => dialog.current?.querySelector<HTMLElement>('[aria-invalid="true"], .drawer-refused')?.focus());
  }

  const form = { errors: errors.value, id: `act-${action}` };
  return (
    <dialog ref={dialog} class="drawer-dialog" aria-labelledby="act-title" onClose={gone}>
      <h2 id="act-title">{title}</h2>
      {isChanged.value && <p>{words.changedSince}</p>}
      <p class="drawer-of">
        <SeverityChip level={levelOf(seen.value)} /> {stateWords()[seen.value.state]}{" "}
        <strong>{named(seen.value.name_zh, seen.value.name, seen.value.sensor)}</strong>{" "}
        <span class="soft">{seen.value.sensor}</span>
      </p>
      {requested.value ? (
        <>
          <p role="status" class="drawer-weighty">
            {filled(words.requested, {
              number: requested.value.approval,
              time: shortTime(requested.value.expires_at),
            })}
          </p>
          <div class="drawer-buttons">
            <button type="button" class="main" onClick={() => dialog.current?.close()}>
              {words.close}
            </button>
          </div>
        </>
      ) : (
        <form
          noValidate
          onSubmit={submit}
          onInput={(event) => {
            values.value = valuesOf(event.currentTarget);
          }}
        >
          <ActionFields action={action} alarm={seen.value} form={form} values={values.value} choices={choices.value} />
          {refused.value && (
            <p role="alert" class="drawer-refused" tabIndex={-1}>
              {refused.value}
            </p>
          )}
          <div class="drawer-buttons">
            <button type="submit" class="main" disabled={isSending.value}>
              {isSending.value ? words.sending : isChanged.value ? words.again : words.send}
            </button>
            <button type="button" onClick={() => dialog.current?.close()}>
              {words.cancel}
            </button>
          </div>
        </form>
      )}
    </dialog>
  );
}

function valuesOf(form: HTMLFormElement): Values {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
}

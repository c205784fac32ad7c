// What can be done about the alarm, always in sight: by role and state, sent at once or asked for in a dialog.
import { useSignal } from "@preact/signals";
import { filled } from "../language";
import { me, role } from "../session";
import { actionWords, formWords } from "../words/actions";
import { drawerWords } from "../words/drawer";
import { openAction } from "./action_dialog";
import { type Action, act, NotDone, offered } from "./actions";
import type { Facts } from "./facts";
import { ASKING } from "./forms";

export function ActionBar({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const { alarm } = facts;
  const sending = useSignal<Action | null>(null);
  const refused = useSignal("");
  const done = useSignal("");
  const found = offered(alarm, role.value, me.value?.name).filter((action) => isUseful(action, facts));

  async function doIt(action: Action): Promise<void> {
    refused.value = "";
    done.value = "";
    if (ASKING.includes(action)) {
      openAction(alarm, action);
      return;
    }
    sending.value = action;
    try {
      await act(alarm, action);
      done.value = filled(words.done, { act: actionWords()[action] });
    } catch (error) {
      if (!(error instanceof NotDone)) throw error;
      refused.value = error.message;
    }
    sending.value = null;
  }

  return (
    <footer class="drawer-actions" role="group" aria-label={words.actions}>
      {refused.value && (
        <p role="alert" class="drawer-refused">
          {refused.value}
        </p>
      )}
      <p role="status" class="unseen">
        {done.value}
      </p>
      <div class="drawer-row">
        {found.map((action) => (
          <button
            type="button"
            key={action}
            class={action === "acknowledge" ? "main" : ""}
            disabled={sending.value !== null}
            aria-haspopup={ASKING.includes(action) ? "dialog" : undefined}
            onClick={() => doIt(action)}
          >
            {sending.value === action ? formWords().sending : actionWords()[action]}
            {ASKING.includes(action) && "…"}
          </button>
        ))}
        {!found.length && <span class="soft">{words.noActions}</span>}
      </div>
    </footer>
  );
}

/** What the rules alone keep quiet ends with its reason: nobody can return it to service. */
function isUseful(action: Action, facts: Facts): boolean {
  if (action !== "return-to-service" || facts.alarm.state !== "suppressed_by_design") return true;
  return facts.suppressions.value === null || facts.suppressions.value.length > 0;
}

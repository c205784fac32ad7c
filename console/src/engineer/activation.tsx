// Ask another person to put the tried rules into force; nothing changes before the approval.
import { useSignal } from "@preact/signals";
import { send } from "../api";
import { dateTime } from "../instant";
import { filled } from "../language";
import { follow } from "../router";
import { me } from "../session";
import { engineerTrialWords } from "../words/engineer_trial";
import { Failure, useAttempt } from "./attempt";
import { files, isTried, problems, refuse, tests, failure as trialFailure, tried } from "./drafts";
import { FileInput } from "./file_input";
import { RequestedPacks } from "./requested_packs";
import type { RequestedChange } from "./types";

export function Activation() {
  const words = engineerTrialWords();
  const reason = useSignal("");
  const { sending, failure, attempt } = useAttempt();
  const asked = useSignal<RequestedChange | null>(null);
  const whyNot = !me.value?.areas.includes("*") ? words.notForAreas : !isTried.value ? words.tryFirst : "";
  const ask = (event: Event) => {
    event.preventDefault();
    asked.value = null;
    return attempt(async () => {
      const { from, to } = tried.value?.answer ?? {}; // what was tried is what the other person is shown
      const packs = files.value.map((file) => file.text);
      const body = { packs, tests: tests.value, reason: reason.value, from, to };
      try {
        asked.value = await send<RequestedChange>("POST", "/rules/activations", body);
        trialFailure.value = "";
        problems.value = [];
      } catch (error) {
        refuse(error);
        throw error;
      }
    });
  };
  const readTests = async (given: File[]) => {
    const read = await Promise.all(
      given.map(async (file) => [file.name.replace(/(\.test)?\.ya?ml$/, ""), await file.text()]),
    );
    tests.value = Object.fromEntries(read);
  };
  return (
    <section class="engineer-panel" aria-labelledby="engineer-activation">
      <h2 id="engineer-activation">{words.activation}</h2>
      <p class="soft">{words.activationMeaning}</p>
      <form class="engineer-form" onSubmit={ask}>
        <FileInput label={words.testFiles} onFiles={readTests} />
        {Object.keys(tests.value).length > 0 && (
          <>
            <code>{Object.keys(tests.value).join(", ")}</code>
            <button type="button" onClick={() => (tests.value = {})}>
              {words.withoutTests}
            </button>
          </>
        )}
        <label class="wide">
          {words.reason}
          <input
            required
            maxLength={2000}
            value={reason.value}
            onInput={(event) => (reason.value = event.currentTarget.value)}
          />
        </label>
        <button
          type="submit"
          class="main"
          disabled={sending.value || whyNot !== ""}
          aria-describedby="engineer-why-not"
        >
          {sending.value ? words.asking : words.ask}
        </button>
        <p id="engineer-why-not" class="wide">
          {whyNot}
        </p>
        <Failure text={failure.value} />
      </form>
      {asked.value && (
        <div role="status" class="engineer-asked">
          <p>
            <strong>
              {filled(words.asked, { number: asked.value.approval, expires: dateTime(asked.value.expires_at) })}
            </strong>{" "}
            <a href="/engineer?tab=approvals" onClick={follow}>
              {words.toApprovals}
            </a>
          </p>
          <RequestedPacks request={asked.value as unknown as Record<string, unknown>} />
        </div>
      )}
    </section>
  );
}

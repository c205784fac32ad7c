// The versions of a rule pack, each with what was shown of it before it came into force. Asked for when it is opened.
import { useSignal } from "@preact/signals";
import { dateTime } from "../instant";
import { filled } from "../language";
import { engineerWords } from "../words/engineer";
import { engineerApprovalWords } from "../words/engineer_approvals";
import { engineerRuleWords } from "../words/engineer_rules";
import { usePages } from "./loaded";
import { TrialResult } from "./trial_result";
import type { KeptTrial, PackVersionItem, PackVersions as Page } from "./types";

export function PackVersions({ pack }: { pack: string }) {
  const open = useSignal(false);
  return (
    <details class="engineer-details" onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>{filled(engineerRuleWords().versionsOf, { pack })}</summary>
      {open.value && <Versions pack={pack} />}
    </details>
  );
}

function Versions({ pack }: { pack: string }) {
  const pages = usePages<Page, PackVersionItem>(`/rules/${pack}/versions`, { limit: 20 }, (page) => page.versions);
  return (
    <>
      {pages.failure && <p role="alert">{pages.failure}</p>}
      <ul class="engineer-lines">
        {pages.rows.map((one) => (
          <Version key={one.activation} one={one} />
        ))}
      </ul>
      {pages.more && (
        <button type="button" onClick={pages.more}>
          {engineerWords().older}
        </button>
      )}
    </>
  );
}

function Version({ one }: { one: PackVersionItem }) {
  const words = engineerRuleWords();
  const trial = one.trial as KeptTrial | null;
  const by = one.approved_by
    ? filled(words.activatedByTwo, { by: one.activated_by, second: one.approved_by })
    : filled(words.activatedByOne, { by: one.activated_by });
  return (
    <li>
      <code>{one.version}</code> · {dateTime(one.activated_at)} · {by}
      {one.in_force && <span class="engineer-mark">{words.inForce}</span>}
      {trial === null && <span class="soft"> {words.noTrialKept}</span>}
      {trial?.not_shown && (
        <span class="soft"> {filled(engineerApprovalWords().noTrial, { why: trial.not_shown })}</span>
      )}
      {trial?.counts && (
        <details class="engineer-details">
          <summary>{words.shownBefore}</summary>
          <TrialResult answer={trial} />
        </details>
      )}
    </li>
  );
}

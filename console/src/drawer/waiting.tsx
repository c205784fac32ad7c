// Requests about this alarm that wait for a second person.
import { useSignal } from "@preact/signals";
import { messageOf, send } from "../api";
import { shortTime, span } from "../instant";
import { filled } from "../language";
import { me, role } from "../session";
import { drawerWords } from "../words/drawer";
import { acted, localTimes } from "./actions";
import type { Facts } from "./facts";
import type { Approval } from "./types";

export function Waiting({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const waiting = facts.approvals.value ?? [];
  if (!waiting.length) return null;
  return (
    <section class="drawer-waiting" aria-label={words.approvals}>
      <h3>{words.approvals}</h3>
      {waiting.map((one) => (
        <One key={one.approval} approval={one} />
      ))}
    </section>
  );
}

function One({ approval }: { approval: Approval }) {
  const words = drawerWords();
  const refused = useSignal("");
  const isSending = useSignal(false);
  const isOwn = approval.requested_by === me.value?.name;
  const may = !isOwn && approval.may_decide.includes(role.value);
  const asked = approval.request as { duration_s?: number | null; reason?: string };

  async function decide(decision: "approve" | "reject" | "withdraw"): Promise<void> {
    isSending.value = true;
    refused.value = "";
    try {
      await send("POST", `/approvals/${approval.approval}/${decision}`, {});
    } catch (error) {
      refused.value = localTimes(messageOf(error));
    }
    isSending.value = false;
    acted.value += 1;
  }

  return (
    <div class="drawer-approval">
      <p>
        {filled(words.approval, {
          who: approval.requested_by,
          time: shortTime(approval.requested_at),
          span: span(asked.duration_s ?? 0),
          reason: asked.reason ?? "–",
        })}{" "}
        <span class="soft">{filled(words.approvalVoid, { time: shortTime(approval.expires_at) })}</span>
      </p>
      <div class="drawer-row">
        {may && (
          <>
            <button type="button" class="main" disabled={isSending.value} onClick={() => decide("approve")}>
              {words.approve}
            </button>
            <button type="button" disabled={isSending.value} onClick={() => decide("reject")}>
              {words.reject}
            </button>
          </>
        )}
        {isOwn && (
          <button type="button" disabled={isSending.value} onClick={() => decide("withdraw")}>
            {words.withdraw}
          </button>
        )}
        {!may && <span class="soft">{words.secondOnly}</span>}
      </div>
      {refused.value && (
        <p role="alert" class="drawer-refused">
          {refused.value}
        </p>
      )}
    </div>
  );
}

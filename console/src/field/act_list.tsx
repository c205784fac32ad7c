// Acts of the crew and what became of each: pending, done or refused with the service's sentence.
import { useSignal } from "@preact/signals";
import { localTimes, sentence } from "../drawer/actions";
import { shortTime } from "../instant";
import { filled } from "../language";
import { follow } from "../router";
import { me } from "../session";
import { fieldWords } from "../words/field";
import { fieldActWords } from "../words/field_acts";
import type { Act } from "./acts";
import { reachable } from "./answers";
import { acts, dismiss, sending, sendWaiting } from "./queue";

/** The list on the page of an alarm, or all of it. */
export function ActList({
  acts: listed,
  title,
  withPlace,
}: {
  acts: readonly Act[];
  title: string;
  withPlace: boolean;
}) {
  if (listed.length === 0) return null;
  return (
    <section class="field-acts" aria-label={title}>
      <h2>{title}</h2>
      <ul class="field-list">
        {listed.map((act) => (
          <Item key={act.number} act={act} withPlace={withPlace} />
        ))}
      </ul>
    </section>
  );
}

function Item({ act, withPlace }: { act: Act; withPlace: boolean }) {
  const words = fieldActWords();
  const sure = useSignal(false);
  const isSending = sending.value === act.number;
  const drop = () => {
    if (sure.value) dismiss([act.number]);
    sure.value = true;
  };
  return (
    <li class={`field-act ${act.state}`}>
      <p>
        <strong>{words[`act_${act.action}` as "act_accept"]}</strong> ·{" "}
        <strong class="field-fate">{isSending ? words.sending : words[act.state]}</strong>
      </p>
      {withPlace && (
        <a class="field-link" href={`/field?tab=acts&alarm=${encodeURIComponent(act.alarm)}`} onClick={follow}>
          {act.place}
        </a>
      )}
      <p>
        {filled(words.actedAt, { time: shortTime(act.at) })}
        {act.state === "done" && ` · ${filled(words.doneAt, { time: shortTime(act.toldAt) })}`}
        {act.state === "refused" && ` · ${filled(words.refusedAt, { time: shortTime(act.toldAt) })}`}
      </p>
      {act.state === "refused" && act.problem && <p class="field-refusal">{sentence(act.problem, act.action)}</p>}
      {act.state === "pending" && act.problem && (
        <p class="field-doubt">{filled(words.hindered, { detail: localTimes(act.problem.detail) })}</p>
      )}
      {act.state === "pending" ? (
        !isSending && (
          <button type="button" onClick={drop}>
            {sure.value ? words.discardSure : words.discard}
          </button>
        )
      ) : (
        <button type="button" onClick={() => dismiss([act.number])}>
          {words.dismiss}
        </button>
      )}
    </li>
  );
}

/** All acts of who is logged in, refused first, and that others' acts wait here. */
export function Pending() {
  const words = fieldActWords();
  const { acts: title, noNetwork } = fieldWords();
  const own = acts.value.filter((act) => act.name === me.value?.name);
  const others = acts.value.filter((act) => act.name !== me.value?.name && act.state === "pending");
  const finished = own.filter((act) => act.state === "done").map((act) => act.number);
  const waits = own.some((act) => act.state === "pending");
  const rank = { refused: 0, pending: 1, done: 2 };
  const sorted = [...own].sort((one, other) => rank[one.state] - rank[other.state] || one.number - other.number);
  return (
    <>
      <h1>{title}</h1>
      {waits && <p>{words.waitsForNetwork}</p>}
      {waits && (
        <button type="button" class="main" disabled={sending.value !== null} onClick={() => sendWaiting()}>
          {reachable.value ? words.sendNow : `${words.sendNow} (${noNetwork})`}
        </button>
      )}
      {own.length === 0 && <p>{words.noneActs}</p>}
      <ActList acts={sorted} title={words.actsTitle} withPlace />
      {finished.length > 0 && (
        <button type="button" onClick={() => dismiss(finished)}>
          {words.dismissDone}
        </button>
      )}
      {others.length > 0 && (
        <p class="field-doubt">
          {filled(words.ofOthers, {
            count: others.length,
            names: [...new Set(others.map((act) => act.name))].join(", "),
          })}
        </p>
      )}
    </>
  );
}

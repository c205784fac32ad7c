// What the parts of the shift view share: what failed, tables, forms that send.
import { useSignal } from "@preact/signals";
import type { ComponentChildren, VNode } from "preact";
import { newIdempotencyKey } from "../api";
import { dateTime } from "../instant";
import { filled } from "../language";
import { shiftWords } from "../words/shift";
import { type Answer, messageOf } from "./answered";

/** Says that an answer is missing or old, and lets it be asked for again. Nothing while all is well. */
export function Failed({ answer }: { answer: Answer<unknown> }): VNode | null {
  const words = shiftWords();
  if (!answer.failure) return null;
  return (
    <p class="shift-failure" role="alert">
      {answer.failure} {answer.at !== null && filled(words.answerOf, { time: dateTime(answer.at) })}{" "}
      <button type="button" onClick={answer.again}>
        {words.again}
      </button>
    </p>
  );
}

export const NotYet = ({ answer }: { answer: Answer<unknown> }) =>
  answer.value === null && !answer.failure ? <p class="soft">{shiftWords().asking}</p> : null;

/** A section with its heading. */
export function Part({ title, children, wide }: { title: string; children: ComponentChildren; wide?: boolean }) {
  return (
    <section class={wide ? "shift-part wide" : "shift-part"}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** A table, or what is said in its place where it has no rows. */
export function Rows({ heads, rows, none }: { heads: string[]; rows: ComponentChildren[][]; none: string }) {
  if (rows.length === 0) return <p class="soft">{none}</p>;
  return (
    <div class="shift-scroll">
      <table class="shift-table">
        <thead>
          <tr>
            {heads.map((head) => (
              <th scope="col" key={head}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, place) => (
                <td key={heads[place]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Sends one act: the same key until it is taken or what is sent changes, so that it counts once. */
export function useAct() {
  const state = useSignal({ sending: false, failure: "", done: "" });
  const sent = useSignal({ what: "", key: "" });
  const send = async (what: unknown, act: (key: string) => Promise<string>) => {
    if (state.peek().sending) return false;
    const text = JSON.stringify(what);
    if (sent.peek().what !== text) sent.value = { what: text, key: newIdempotencyKey() };
    state.value = { sending: true, failure: "", done: "" };
    try {
      state.value = { sending: false, failure: "", done: await act(sent.peek().key) };
      sent.value = { what: "", key: "" };
      return true;
    } catch (error) {
      state.value = { sending: false, failure: messageOf(error), done: "" };
      return false;
    }
  };
  return { ...state.value, send };
}

/** What became of an act. */
export function Outcome({ act }: { act: ReturnType<typeof useAct> }) {
  const words = shiftWords();
  return (
    <>
      <p class="shift-done" role="status">
        {act.sending ? words.sending : act.done}
      </p>
      {act.failure && (
        <p class="shift-failure" role="alert">
          {act.failure}
        </p>
      )}
    </>
  );
}

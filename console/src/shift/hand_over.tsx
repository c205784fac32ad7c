// The hand-over of a position: the newest one to be taken over, a new one to be made, and those before.
import { useSignal } from "@preact/signals";
import { mode } from "../alarm_store";
import { read, send } from "../api";
import { Document } from "../document";
import type { components } from "../generated/api";
import { age, dateTime } from "../instant";
import { filled, language } from "../language";
import { may, me, role } from "../session";
import { shiftWords } from "../words/shift";
import { useAnswer } from "./answered";
import { Failed, NotYet, Outcome, Part, Rows, useAct } from "./parts";
import type { Position } from "./positions";
import { Snapshot } from "./snapshot";

export type HandOver = components["schemas"]["HandOverItem"];
const EVERY_MS = 15_000;
const NOTE_CHARACTERS_MAX = 500;

export function HandOverPart({ position }: { position: Position }) {
  const words = shiftWords();
  const answer = useAnswer(
    (stop) =>
      read<components["schemas"]["HandOverPage"]>(
        "/shifts/hand-overs",
        { position: position.position, mode: mode.peek(), limit: 20 },
        stop,
      ),
    [position.position, mode.value],
    EVERY_MS,
  );
  const [newest, ...before] = answer.value?.hand_overs ?? [];
  const waits = newest !== undefined && newest.accepted_by === null;
  return (
    <div>
      <Failed answer={answer} />
      <NotYet answer={answer} />
      {waits && <TakeOver handOver={newest} again={answer.again} />}
      {may.desk() && answer.value && (!waits || newest.handed_by === me.value?.name) && (
        <Make position={position} last={newest} again={answer.again} />
      )}
      {!may.desk() && <p class="soft">{words.deskOnly}</p>}
      {answer.value && (
        <Part title={words.earlier}>
          <Rows
            heads={[words.number, words.handedAt, words.handedBy, words.acceptedBy, words.notes, words.print]}
            none={words.noHandOver}
            rows={(waits ? before : [newest, ...before])
              .filter((one) => one !== undefined)
              .map((one) => [
                one.hand_over,
                dateTime(one.handed_at),
                one.handed_by,
                one.accepted_by ? `${one.accepted_by} · ${dateTime(one.accepted_at)}` : words.notAccepted,
                one.notes.length,
                <Print key="print" handOver={one} />,
              ])}
          />
        </Part>
      )}
    </div>
  );
}

const Print = ({ handOver }: { handOver: HandOver }) => (
  <Document
    path={`/shifts/hand-overs/${handOver.hand_over}.html?language=${language.value}`}
    file={`hand-over-${handOver.hand_over}.html`}
  >
    {shiftWords().printed}
  </Document>
);

/** A hand-over that waits for the next shift: what it says, and the button with which it is taken over. */
function TakeOver({ handOver, again }: { handOver: HandOver; again: () => void }) {
  const words = shiftWords();
  const act = useAct();
  const own = handOver.handed_by === me.value?.name;
  const others = handOver.handed_to !== null && handOver.handed_to !== me.value?.name && role.value !== "supervisor";
  const accept = () =>
    act.send(handOver.hand_over, async () => {
      await send<HandOver>("POST", `/shifts/hand-overs/${handOver.hand_over}/accept`);
      again();
      return words.accepted;
    });
  return (
    <Part title={filled(words.waitsForNext, { number: handOver.hand_over })}>
      <p>
        {filled(words.handedOver, {
          by: handOver.handed_by,
          time: dateTime(handOver.handed_at),
          age: age(handOver.handed_at),
        })}
        {handOver.handed_to && ` · ${filled(words.handedTo, { to: handOver.handed_to })}`}
      </p>
      <Notes notes={handOver.notes} />
      <Snapshot handOver={handOver} />
      <p class="shift-actions">
        {may.desk() && !own && !others && (
          <button type="button" class="main" disabled={act.sending} onClick={accept}>
            {words.takeOver}
          </button>
        )}
        {own && <span class="soft">{words.ownHandOver}</span>}
        {!own && others && <span class="soft">{filled(words.othersHandOver, { to: handOver.handed_to ?? "" })}</span>}
        <Print handOver={handOver} />
      </p>
      <Outcome act={act} />
    </Part>
  );
}

function Notes({ notes }: { notes: HandOver["notes"] }) {
  const words = shiftWords();
  if (notes.length === 0) return <p class="soft">{words.noNotes}</p>;
  return (
    <ul class="shift-notes">
      {notes.map((note) => (
        <li key={note.note}>
          {note.text} <span class="soft">{filled(words.noteBy, { by: note.by, time: dateTime(note.at) })}</span>
        </li>
      ))}
    </ul>
  );
}

/** A new hand-over: notes of the last one that go on or are done with, new ones, and to whom. */
function Make({ position, last, again }: { position: Position; last: HandOver | undefined; again: () => void }) {
  const words = shiftWords();
  const act = useAct();
  const text = useSignal("");
  const to = useSignal("");
  const struck = useSignal<readonly string[]>([]);
  const submit = async (event: Event) => {
    event.preventDefault();
    const notes = text
      .peek()
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    const body = { position: position.position, notes, strike: struck.peek(), to: to.peek().trim() || null };
    const isDone = await act.send(body, async (key) => {
      const made = await send<HandOver>("POST", "/shifts/hand-overs", body, key);
      return filled(words.made, { number: made.hand_over });
    });
    if (!isDone) return;
    text.value = "";
    struck.value = [];
    again();
  };
  const strike = (note: string, isDone: boolean) => {
    struck.value = isDone ? [...struck.peek(), note] : struck.peek().filter((one) => one !== note);
  };
  return (
    <Part title={words.make}>
      <form class="shift-form" onSubmit={submit}>
        {last && last.notes.length > 0 && (
          <fieldset>
            <legend>{words.carried}</legend>
            {last.notes.map((note) => (
              <label key={note.note} class="shift-check">
                <input
                  type="checkbox"
                  checked={struck.value.includes(note.note)}
                  onChange={(event) => strike(note.note, event.currentTarget.checked)}
                />
                <span class={struck.value.includes(note.note) ? "shift-struck" : ""}>
                  {note.text} <span class="soft">{filled(words.noteBy, { by: note.by, time: dateTime(note.at) })}</span>
                </span>
              </label>
            ))}
          </fieldset>
        )}
        <label>
          {words.newNotes}
          <textarea
            rows={4}
            maxLength={NOTE_CHARACTERS_MAX * 10}
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </label>
        <label>
          {words.to}
          <input value={to.value} onInput={(event) => (to.value = event.currentTarget.value)} autocomplete="off" />
        </label>
        <p class="soft">{words.snapshotTaken}</p>
        <p class="shift-actions">
          <button type="submit" class="main" disabled={act.sending}>
            {words.handOver}
          </button>
        </p>
        <Outcome act={act} />
      </form>
    </Part>
  );
}

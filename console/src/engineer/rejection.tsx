// One message that could not be used: what was wrong, what it held, corrected and replayed or discarded.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { send } from "../api";
import { fullTime } from "../instant";
import { filled } from "../language";
import { setQuery } from "../router";
import { may } from "../session";
import { engineerWords } from "../words/engineer";
import { engineerQuarantineWords } from "../words/engineer_quarantine";
import { modeWords } from "../words/shared";
import { Failure, useAttempt } from "./attempt";
import { Fact } from "./fact";
import { Freshness, useLoaded } from "./loaded";
import { bytesOf, hexadecimal, visibleText } from "./payload";
import { reasonText } from "./rejection_reason";
import type { RejectionItem } from "./types";

const SHOWN_BYTES_MAX = 16_384;
const EVERY_MS = 2_000;

export function Rejection({ number, onHandled }: { number: number; onHandled: () => void }) {
  const words = engineerQuarantineWords();
  const waiting = useSignal(false);
  const loaded = useLoaded<RejectionItem>(`/rejections/${number}`, {}, waiting.value ? EVERY_MS : 0);
  const item = loaded.value;
  useEffect(() => {
    const before = waiting.peek();
    waiting.value = item?.state === "requested"; // ingest does it within its tick
    if (before && !waiting.peek()) onHandled();
  }, [item?.state]);
  return (
    <section class="engineer-panel" aria-labelledby="engineer-rejection">
      <header>
        <h2 id="engineer-rejection">{filled(words.message, { number })}</h2>
        <Freshness of={loaded} />
        <button type="button" onClick={() => setQuery({ rejection: null })}>
          {engineerWords().close}
        </button>
      </header>
      {item && (
        <>
          <p>
            <strong>{reasonText(item.reason)}</strong> <code class="soft">{item.reason}</code>
          </p>
          <p>{item.detail}</p>
          <dl class="engineer-facts">
            <Fact name={words.arrived}>{fullTime(item.arrived_at)}</Fact>
            <Fact name={words.topic}>
              <code>{item.topic}</code>
            </Fact>
            <Fact name={words.sensor}>{item.sensor ?? "–"}</Fact>
            <Fact name={words.mode}>{item.mode ? modeWords()[item.mode] : "–"}</Fact>
            <Fact name={words.batch}>{item.batch}</Fact>
            <Fact name={words.state}>
              {words[`state_${item.state}`]}
              {item.handled_by && ` · ${item.handled_by} · ${fullTime(item.handled_at)}`}
              {item.result && ` · ${item.result}`}
            </Fact>
          </dl>
          <Payload item={item} />
          {may.takeOutOfService() && ["open", "refused"].includes(item.state) && (
            <Mend
              key={item.state}
              item={item}
              onDone={() => {
                loaded.again();
                onHandled();
              }}
            />
          )}
        </>
      )}
    </section>
  );
}

function Payload({ item }: { item: RejectionItem }) {
  const words = engineerQuarantineWords();
  const hex = useSignal(item.payload_encoding === "base64");
  const bytes = bytesOf(item.payload, item.payload_encoding);
  const part = bytes.slice(0, SHOWN_BYTES_MAX);
  const text = hex.value ? hexadecimal(part) : visibleText(new TextDecoder().decode(part));
  return (
    <>
      <div class="engineer-acts">
        <h3>{words.payload}</h3>
        <span class="soft">{filled(words.bytes, { count: item.payload_bytes.toLocaleString() })}</span>
        <button type="button" aria-pressed={!hex.value} onClick={() => (hex.value = false)}>
          {words.asText}
        </button>
        <button type="button" aria-pressed={hex.value} onClick={() => (hex.value = true)}>
          {words.asHex}
        </button>
      </div>
      {(part.length < bytes.length || bytes.length < item.payload_bytes) && (
        <p class="soft">{filled(words.cut, { count: part.length.toLocaleString() })}</p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <pre class="engineer-payload" role="region" aria-label={words.payload} tabIndex={0}>
        {text || words.empty}
      </pre>
    </>
  );
}

function Mend({ item, onDone }: { item: RejectionItem; onDone: () => void }) {
  const words = engineerQuarantineWords();
  const isText = item.payload_encoding === "text";
  const topic = useSignal(item.topic);
  const payload = useSignal(isText ? item.payload : "");
  const sure = useSignal(false);
  const { sending, failure, attempt } = useAttempt();
  const act = (word: "replay" | "discard") =>
    attempt(async () => {
      const changed = payload.value !== (isText ? item.payload : "");
      const body = {
        ...(topic.value !== item.topic && { topic: topic.value }),
        ...(changed && { payload: payload.value }),
      };
      await send("POST", `/rejections/${item.rejection}/${word}`, word === "replay" ? body : undefined);
      onDone();
    });
  return (
    <form
      class="engineer-form"
      onSubmit={(event) => {
        event.preventDefault();
        act("replay");
      }}
    >
      <h3 class="wide">{words.mend}</h3>
      <label class="wide">
        {words.topic}
        <input value={topic.value} onInput={(event) => (topic.value = event.currentTarget.value)} />
      </label>
      <label class="wide">
        {isText ? words.payload : words.payloadAnew}
        <textarea
          rows={6}
          spellcheck={false}
          value={payload.value}
          onInput={(event) => (payload.value = event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="main" disabled={sending.value}>
        {words.replay}
      </button>
      {sure.value ? (
        <>
          <button type="button" disabled={sending.value} onClick={() => act("discard")}>
            {words.discardSure}
          </button>
          <button type="button" onClick={() => (sure.value = false)}>
            {engineerWords().cancel}
          </button>
        </>
      ) : (
        <button type="button" onClick={() => (sure.value = true)}>
          {words.discard}
        </button>
      )}
      <p class="soft wide">{words.mendMeaning}</p>
      <Failure text={failure.value} />
    </form>
  );
}

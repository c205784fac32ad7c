// Keys of other systems: listed, made, rotated with an overlap, revoked. A key itself is shown once.
import { useSignal } from "@preact/signals";
import { send } from "../api";
import { dateTime } from "../instant";
import { filled } from "../language";
import { engineerWords } from "../words/engineer";
import { engineerAccessWords } from "../words/engineer_access";
import { AccessFields, areasOf, roleText } from "./access_fields";
import { Failure, useAttempt } from "./attempt";
import { Freshness, usePages } from "./loaded";
import { Secret } from "./secret";
import type { KeyItem, KeyPage, KeyWithText } from "./types";

export function Keys() {
  const words = engineerAccessWords();
  const pages = usePages<KeyPage, KeyItem>("/keys", { limit: 200 }, (page) => page.keys);
  const secret = useSignal<KeyWithText | null>(null);
  const done = (key?: KeyWithText) => {
    if (key) secret.value = key;
    pages.again();
  };
  return (
    <section class="engineer-panel" aria-labelledby="engineer-keys">
      <header>
        <h2 id="engineer-keys">{words.keys}</h2>
        <Freshness of={pages} />
      </header>
      {secret.value && (
        <Secret
          title={filled(words.keyOf, { name: secret.value.label })}
          text={secret.value.key}
          onSeen={() => (secret.value = null)}
        />
      )}
      {pages.first && pages.rows.length === 0 && <p>{words.noKeys}</p>}
      {pages.rows.length > 0 && (
        <table class="engineer-table">
          <thead>
            <tr>
              <th scope="col">{words.label}</th>
              <th scope="col">{words.role}</th>
              <th scope="col">{words.areas}</th>
              <th scope="col">{words.madeAt}</th>
              <th scope="col">{words.endsAt}</th>
              <th scope="col">{engineerWords().act}</th>
            </tr>
          </thead>
          <tbody>
            {pages.rows.map((key) => (
              <Key key={`${key.label} ${key.created_at}`} item={key} onDone={done} />
            ))}
          </tbody>
        </table>
      )}
      {pages.more && (
        <button type="button" onClick={pages.more}>
          {words.more}
        </button>
      )}
      <NewKey onDone={done} />
    </section>
  );
}

function Key({ item, onDone }: { item: KeyItem; onDone: (key?: KeyWithText) => void }) {
  const words = engineerAccessWords();
  const asking = useSignal<"rotate" | "revoke" | null>(null);
  const overlap = useSignal("60");
  const { failure, attempt } = useAttempt();
  const path = `/keys/${encodeURIComponent(item.label)}`;
  const act = () =>
    attempt(async () => {
      if (asking.value === "revoke") {
        await send("DELETE", path);
        onDone();
      } else onDone(await send<KeyWithText>("POST", `${path}/rotate`, { overlap_minutes: Number(overlap.value) }));
      asking.value = null;
    });
  return (
    <tr>
      <th scope="row">{item.label}</th>
      <td>{roleText(item.role)}</td>
      <td>{item.areas.join(", ")}</td>
      <td>{dateTime(item.created_at)}</td>
      <td>{dateTime(item.ends_at)}</td>
      <td>
        <div class="engineer-acts">
          {asking.value === null ? (
            <>
              <button type="button" onClick={() => (asking.value = "rotate")}>
                {words.rotate}
              </button>
              <button type="button" onClick={() => (asking.value = "revoke")}>
                {words.revoke}
              </button>
            </>
          ) : (
            <>
              {asking.value === "rotate" && (
                <label>
                  {words.overlap}{" "}
                  <input
                    type="number"
                    min="0"
                    value={overlap.value}
                    onInput={(event) => (overlap.value = event.currentTarget.value)}
                  />
                </label>
              )}
              <button type="button" class="main" onClick={act}>
                {asking.value === "rotate" ? words.rotateNow : words.revokeNow}
              </button>
              <button type="button" onClick={() => (asking.value = null)}>
                {engineerWords().cancel}
              </button>
            </>
          )}
          <Failure text={failure.value} />
        </div>
      </td>
    </tr>
  );
}

function NewKey({ onDone }: { onDone: (key: KeyWithText) => void }) {
  const words = engineerAccessWords();
  const label = useSignal("");
  const chosen = useSignal("viewer");
  const areas = useSignal("");
  const { failure, attempt } = useAttempt();
  const make = (event: Event) => {
    event.preventDefault();
    return attempt(async () => {
      const body = { label: label.value.trim(), role: chosen.value, areas: areasOf(areas.value) };
      onDone(await send<KeyWithText>("POST", "/keys", body));
      label.value = areas.value = "";
    });
  };
  return (
    <details class="engineer-details">
      <summary>{words.newKey}</summary>
      <form class="engineer-form" onSubmit={make}>
        <label>
          {words.label}
          <input
            required
            autocomplete="off"
            value={label.value}
            onInput={(event) => (label.value = event.currentTarget.value)}
          />
        </label>
        <AccessFields role={chosen} areas={areas} />
        <button type="submit" class="main">
          {words.make}
        </button>
        <Failure text={failure.value} />
      </form>
    </details>
  );
}

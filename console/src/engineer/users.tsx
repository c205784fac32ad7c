// Users: listed, made with a password for one log-in, disabled and let in again, their password or second factor reset.
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
import type { UserItem, UserPage, UserWithPassword } from "./types";

export function Users() {
  const words = engineerAccessWords();
  const pages = usePages<UserPage, UserItem>("/users", { limit: 200 }, (page) => page.users);
  const secret = useSignal<{ name: string; password: string } | null>(null);
  const done = (user: UserWithPassword) => {
    if (user.one_time_password) secret.value = { name: user.name, password: user.one_time_password };
    pages.again();
  };
  return (
    <section class="engineer-panel" aria-labelledby="engineer-users">
      <header>
        <h1 id="engineer-users">{words.users}</h1>
        <Freshness of={pages} />
      </header>
      {secret.value && (
        <Secret
          title={filled(words.passwordOf, { name: secret.value.name })}
          text={secret.value.password}
          onSeen={() => (secret.value = null)}
        />
      )}
      <table class="engineer-table">
        <thead>
          <tr>
            <th scope="col">{words.name}</th>
            <th scope="col">{words.role}</th>
            <th scope="col">{words.areas}</th>
            <th scope="col">{words.secondFactor}</th>
            <th scope="col">{words.lastLogIn}</th>
            <th scope="col">{words.state}</th>
            <th scope="col">{engineerWords().act}</th>
          </tr>
        </thead>
        <tbody>
          {pages.rows.map((user) => (
            <User key={user.name} user={user} onDone={done} />
          ))}
        </tbody>
      </table>
      {pages.more && (
        <button type="button" onClick={pages.more}>
          {words.more}
        </button>
      )}
      <NewUser onDone={done} />
    </section>
  );
}

function User({ user, onDone }: { user: UserItem; onDone: (user: UserWithPassword) => void }) {
  const words = engineerAccessWords();
  const { failure, attempt } = useAttempt();
  const change = (body: Record<string, boolean>) =>
    attempt(async () => onDone(await send<UserWithPassword>("PATCH", `/users/${encodeURIComponent(user.name)}`, body)));
  const states = [
    user.disabled && words.disabled,
    user.must_change_password && words.mustChange,
    user.locked_until && filled(words.lockedUntil, { time: dateTime(user.locked_until) }),
  ].filter(Boolean);
  return (
    <tr>
      <th scope="row">
        {user.name} <span class="soft">{user.display_name}</span>
      </th>
      <td>{roleText(user.role)}</td>
      <td>{user.areas.join(", ")}</td>
      <td>{user.second_factor ? words.yes : words.no}</td>
      <td>{dateTime(user.signed_in_at)}</td>
      <td>{states.join(", ") || words.active}</td>
      <td>
        <div class="engineer-acts">
          <button type="button" onClick={() => change({ disabled: !user.disabled })}>
            {user.disabled ? words.enable : words.disable}
          </button>
          <button type="button" onClick={() => change({ reset_password: true })}>
            {words.resetPassword}
          </button>
          {user.second_factor && (
            <button type="button" onClick={() => change({ reset_second_factor: true })}>
              {words.resetFactor}
            </button>
          )}
          {user.locked_until && (
            <button type="button" onClick={() => change({ unlock: true })}>
              {words.unlock}
            </button>
          )}
          <Failure text={failure.value} />
        </div>
      </td>
    </tr>
  );
}

function NewUser({ onDone }: { onDone: (user: UserWithPassword) => void }) {
  const words = engineerAccessWords();
  const name = useSignal("");
  const display = useSignal("");
  const chosen = useSignal("operator");
  const areas = useSignal("");
  const { failure, attempt } = useAttempt();
  const make = (event: Event) => {
    event.preventDefault();
    return attempt(async () => {
      const body = {
        name: name.value.trim(),
        display_name: display.value,
        role: chosen.value,
        areas: areasOf(areas.value),
      };
      onDone(await send<UserWithPassword>("POST", "/users", body));
      name.value = display.value = areas.value = "";
    });
  };
  return (
    <details class="engineer-details">
      <summary>{words.newUser}</summary>
      <form class="engineer-form" onSubmit={make}>
        <label>
          {words.name}
          <input
            required
            autocomplete="off"
            value={name.value}
            onInput={(event) => (name.value = event.currentTarget.value)}
          />
        </label>
        <label>
          {words.displayName}
          <input
            autocomplete="off"
            value={display.value}
            onInput={(event) => (display.value = event.currentTarget.value)}
          />
        </label>
        <AccessFields role={chosen} areas={areas} />
        <button type="submit" class="main">
          {words.make}
        </button>
        <p class="soft wide">{words.areasMeaning}</p>
        <Failure text={failure.value} />
      </form>
    </details>
  );
}

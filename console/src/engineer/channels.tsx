// Ways by which messages leave the house: how each does, a test message, and what was given up, to be sent again.
import { useSignal } from "@preact/signals";
import { send } from "../api";
import { dateTime, now, span } from "../instant";
import { filled } from "../language";
import { follow } from "../router";
import { role } from "../session";
import { engineerWords } from "../words/engineer";
import { engineerHealthWords } from "../words/engineer_health";
import { modeWords } from "../words/shared";
import { Failure, useAttempt } from "./attempt";
import { COMMANDS } from "./commands";
import { Freshness, failureOf, useLoaded, usePages } from "./loaded";
import type { ChannelItem, Channels as Found, NotificationItem, NotificationPage } from "./types";

const EVERY_MS = 15_000;

export function Channels() {
  const words = engineerHealthWords();
  const channels = useLoaded<Found>("/notifications/channels", {}, EVERY_MS);
  const dead = usePages<NotificationPage, NotificationItem>(
    "/notifications",
    { state: "dead", limit: 100 },
    (page) => page.notifications,
    EVERY_MS,
  );
  return (
    <div class="engineer-one">
      <section class="engineer-panel" aria-labelledby="engineer-channels">
        <header>
          <h1 id="engineer-channels">{words.channels}</h1>
          <Freshness of={channels} />
        </header>
        {channels.value?.channels.length === 0 && (
          <p>
            {words.noChannels} <code>{COMMANDS.importNotifications}</code>
          </p>
        )}
        {channels.value && channels.value.channels.length > 0 && (
          <table class="engineer-table">
            <thead>
              <tr>
                <th scope="col">{words.channel}</th>
                <th scope="col">{words.sentLast}</th>
                <th scope="col">{words.failedLast}</th>
                <th scope="col" class="number">
                  {words.failuresNow}
                </th>
                <th scope="col" class="number">
                  {words.waiting}
                </th>
                <th scope="col" class="number">
                  {words.dead}
                </th>
                <th scope="col">{engineerWords().act}</th>
              </tr>
            </thead>
            <tbody>
              {channels.value.channels.map((one) => (
                <Channel key={one.channel} item={one} onTested={channels.again} />
              ))}
            </tbody>
          </table>
        )}
      </section>
      <section class="engineer-panel" aria-labelledby="engineer-dead">
        <header>
          <h2 id="engineer-dead">{words.deadLetters}</h2>
          <Freshness of={dead} />
        </header>
        {dead.first && dead.rows.length === 0 && <p>{words.noneDead}</p>}
        {dead.rows.length > 0 && (
          <table class="engineer-table">
            <thead>
              <tr>
                <th scope="col">{words.since}</th>
                <th scope="col">{words.channel}</th>
                <th scope="col">{words.about}</th>
                <th scope="col" class="number">
                  {words.attempts}
                </th>
                <th scope="col">{words.error}</th>
                <th scope="col">{engineerWords().act}</th>
              </tr>
            </thead>
            <tbody>
              {dead.rows.map((one) => (
                <DeadLetter key={one.notification} item={one} onRetried={dead.again} />
              ))}
            </tbody>
          </table>
        )}
        {dead.more && (
          <button type="button" onClick={dead.more}>
            {engineerWords().older}
          </button>
        )}
      </section>
    </div>
  );
}

function Channel({ item, onTested }: { item: ChannelItem; onTested: () => void }) {
  const words = engineerHealthWords();
  const said = useSignal("");
  const testing = useSignal(false);
  const test = async () => {
    testing.value = true;
    said.value = words.testing;
    try {
      const done = await send<NotificationItem>("POST", `/notifications/channels/${item.channel}/test`);
      said.value = done.error ? `${stateText(done.state)}: ${done.error}` : stateText(done.state);
      onTested();
    } catch (error) {
      said.value = failureOf(error);
    } finally {
      testing.value = false;
    }
  };
  const rests = item.resume_at ? (Date.parse(item.resume_at) - now.value) / 1000 : 0;
  return (
    <tr>
      <th scope="row">
        {item.channel} <code class="soft">{item.target}</code>
      </th>
      <td>{dateTime(item.sent_at)}</td>
      <td>
        {dateTime(item.failed_at)}
        {item.error && <div>{item.error}</div>}
      </td>
      <td class={item.failures > 0 ? "number abnormal" : "number"}>
        {item.failures}
        {rests > 0 && <div>{filled(words.rests, { span: span(rests) })}</div>}
      </td>
      <td class="number">{(item.notifications.pending ?? 0) + (item.notifications.gathering ?? 0)}</td>
      <td class={item.notifications.dead ? "number abnormal" : "number"}>{item.notifications.dead ?? 0}</td>
      <td>
        {["supervisor", "system_administrator"].includes(role.value) && (
          <button type="button" disabled={testing.value} onClick={test}>
            {words.test}
          </button>
        )}
        {said.value && <p role="status">{said.value}</p>}
      </td>
    </tr>
  );
}

function stateText(state: NotificationItem["state"]): string {
  return engineerHealthWords()[`state_${state}`];
}

function DeadLetter({ item, onRetried }: { item: NotificationItem; onRetried: () => void }) {
  const words = engineerHealthWords();
  const { failure, attempt } = useAttempt();
  const retry = () =>
    attempt(async () => {
      await send("POST", `/notifications/${item.notification}/retry`);
      onRetried();
    });
  return (
    <tr>
      <td>{dateTime(item.enqueued_at)}</td>
      <td>{item.channel}</td>
      <td>
        {item.alarm ? (
          <a href={`/?alarm=${item.alarm}`} onClick={follow}>
            {item.alarm}
          </a>
        ) : (
          item.kind
        )}
        {item.mode !== "operational" && <span class="engineer-mark">{modeWords()[item.mode]}</span>}
      </td>
      <td class="number">{item.attempts}</td>
      <td>{item.error}</td>
      <td>
        {["operator", "supervisor", "system_administrator"].includes(role.value) && (
          <button type="button" onClick={retry}>
            {words.retry}
          </button>
        )}
        <Failure text={failure.value} />
      </td>
    </tr>
  );
}

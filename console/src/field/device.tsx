// This phone: who is logged in, language, day and night, mode, whether it opens without network, log-off.
import { useSignal } from "@preact/signals";
import { mode } from "../alarm_store";
import { chooseLanguage, filled, language } from "../language";
import { logOff, me } from "../session";
import { modesThere, waitingOf } from "../status";
import { chooseTheme, theme } from "../theme";
import { fieldWords } from "../words/field";
import { frameWords } from "../words/frame";
import { modeWords, roleWords } from "../words/shared";
import { acts } from "./queue";
import { shell } from "./shell";

const SHELL = { ready: "offlineReady", preparing: "offlinePreparing", insecure: "offlineNot" } as const;

export function Device() {
  const words = fieldWords();
  const role = me.value?.role as keyof ReturnType<typeof roleWords> | undefined;
  return (
    <>
      <h1>{words.device}</h1>
      <p>
        {words.who}: <strong>{me.value?.display_name || me.value?.name}</strong> ({me.value?.name}
        {role && role in roleWords() && `, ${roleWords()[role]}`})
      </p>
      <div class="field-actions">
        <button
          type="button"
          lang={language.value === "zh" ? "en" : "zh-CN"}
          onClick={() => chooseLanguage(language.value === "zh" ? "en" : "zh")}
        >
          {words.otherLanguage}
        </button>
        <button type="button" onClick={() => chooseTheme(theme.value === "day" ? "night" : "day")}>
          {theme.value === "day" ? frameWords().night : frameWords().day}
        </button>
        <Modes />
        <a class="field-link" href="/">
          {words.console}
        </a>
        <LogOff />
      </div>
      <p>{words[SHELL[shell.value]]}</p>
      <p>{words.versionNote}</p>
      <p>{filled(words.zone, { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}</p>
    </>
  );
}

function Modes() {
  const there = modesThere(mode.value);
  if (there.length < 2) return null;
  return (
    <fieldset class="field-modes">
      <legend>{fieldWords().mode}</legend>
      {there.map((one) => (
        <button type="button" key={one} aria-pressed={mode.value === one} onClick={() => (mode.value = one)}>
          {modeWords()[one]}
          {waitingOf(one) > 0 && ` · ${filled(frameWords().waiting, { count: waitingOf(one) })}`}
        </button>
      ))}
    </fieldset>
  );
}

/** Nobody leaves without knowing what becomes of what was not sent yet. */
function LogOff() {
  const words = fieldWords();
  const sure = useSignal(false);
  const count = acts.value.filter((act) => act.state === "pending" && act.name === me.value?.name).length;
  if (!sure.value) {
    return (
      <button type="button" onClick={() => (sure.value = true)}>
        {words.logOff}
      </button>
    );
  }
  return (
    <div role="alert" class="field-refusal">
      <p>{count > 0 ? filled(words.logOffWaiting, { count }) : words.logOffPlain}</p>
      <button type="button" class="main" onClick={() => (sure.value = false)}>
        {words.stay}
      </button>
      <button type="button" onClick={logOff}>
        {count > 0 ? words.logOffSure : words.logOff}
      </button>
    </div>
  );
}

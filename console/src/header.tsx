// The header: views, modes with what waits in each, age of the feed, sound, language, day and night, who is logged in.
import { mode } from "./alarm_store";
import { SoundState } from "./alarms/sound_state";
import { connected, heardAt } from "./feed";
import { changeMode } from "./frame";
import { clockTime, now } from "./instant";
import { chooseLanguage, filled, language } from "./language";
import { follow, route } from "./router";
import { logOff, may, me } from "./session";
import { modesThere, waitingOf } from "./status";
import { chooseTheme, theme } from "./theme";
import { frameWords } from "./words/frame";
import { modeWords } from "./words/shared";

const ACCOUNT_LINKS = ["/engineer"] as const;
const LINKS = ["/", "/map", "/shift", "/engineer", "/replay", "/wall", "/field"] as const;

export function Header() {
  const words = frameWords();
  return (
    <header class="header">
      <a class="skip" href="#view">
        {words.skip}
      </a>
      <strong class="product">Lifeline</strong>
      <nav class="links" aria-label={words.views}>
        {(may.readAlarms() ? LINKS : ACCOUNT_LINKS).map((path) => (
          <a key={path} href={path} onClick={follow} aria-current={route.value.path === path ? "page" : undefined}>
            {words[path]}
          </a>
        ))}
      </nav>
      <Modes />
      <span class="spacer" />
      {may.readAlarms() && <FeedAge />}
      {may.readAlarms() && <SoundState />}
      <button type="button" onClick={() => chooseTheme(theme.value === "day" ? "night" : "day")}>
        {theme.value === "day" ? words.night : words.day}
      </button>
      <button
        type="button"
        lang={language.value === "zh" ? "en" : "zh-CN"}
        onClick={() => chooseLanguage(language.value === "zh" ? "en" : "zh")}
      >
        {words.otherLanguage}
      </button>
      <span class="who">{me.value?.display_name || me.value?.name}</span>
      <button type="button" onClick={logOff}>
        {words.logOff}
      </button>
    </header>
  );
}

function Modes() {
  const there = modesThere(mode.value);
  if (there.length < 2) return null;
  return (
    <div class="modes" role="group" aria-label={frameWords().modes}>
      {there.map((one) => {
        const waiting = waitingOf(one);
        return (
          <button
            type="button"
            key={one}
            class={`mode-${one}`}
            aria-pressed={mode.value === one}
            onClick={() => changeMode(one)}
          >
            {modeWords()[one]}
            {waiting > 0 && ` · ${filled(frameWords().waiting, { count: waiting })}`}
          </button>
        );
      })}
    </div>
  );
}

/** How old what is seen is: nobody takes a frozen screen for a quiet city. */
export function FeedAge() {
  const words = frameWords();
  if (connected.value && heardAt.value !== null) {
    const seconds = Math.max(0, Math.round((now.value - heardAt.value) / 1000));
    return (
      <span class="feed" role="timer">
        {filled(words.live, { seconds })}
      </span>
    );
  }
  return (
    <span class="feed lost" role="alert">
      {heardAt.value === null ? words.notConnected : filled(words.lost, { time: clockTime(heardAt.value) })}
    </span>
  );
}

// The shift: hand-over, what waits, figures of the alarm system, reports from people, warnings.
import { mode } from "../alarm_store";
import { read } from "../api";
import type { components } from "../generated/api";
import { named } from "../language";
import { cityName } from "../names";
import { follow, route, setQuery } from "../router";
import { status } from "../status";
import { shiftWords } from "../words/shift";
import { useAnswer } from "./answered";
import { Figures } from "./figures";
import { HandOverPart } from "./hand_over";
import { Failed, NotYet } from "./parts";
import type { Position } from "./positions";
import { Reports } from "./reports";
import { Waiting } from "./waiting";
import { Warnings } from "./warnings";
import "./shift.css";

const PARTS = ["hand_over", "figures", "reports", "warnings"] as const;
const EVERY_MS = 30_000;

export function Shift() {
  const words = shiftWords();
  const asked = route.value.query.get("part");
  const part = PARTS.find((one) => one === asked) ?? "hand_over";
  const answer = useAnswer(
    (stop) => read<components["schemas"]["Positions"]>("/positions", {}, stop),
    [mode.value],
    EVERY_MS,
  );
  const cities = (status.value?.cities ?? []).filter((city) => city.mode === mode.value);
  const all = (answer.value?.positions ?? []).filter((one) => cities.some((city) => city.city === one.city));
  const position = all.find((one) => one.position === route.value.query.get("position")) ?? all[0];
  const address = (to: string) => {
    const query = new URLSearchParams(route.value.query);
    query.set("part", to);
    return `/shift?${query}`;
  };
  return (
    <div class="shift">
      <div class="shift-head">
        <h1>{words.title}</h1>
        <nav class="shift-links" aria-label={words.parts}>
          {PARTS.map((one) => (
            <a key={one} href={address(one)} onClick={follow} aria-current={part === one ? "page" : undefined}>
              {words[one]}
            </a>
          ))}
        </nav>
        {(part === "hand_over" || part === "figures") && (
          <label>
            {words.position}{" "}
            <select value={position?.position} onChange={(event) => setQuery({ position: event.currentTarget.value })}>
              {all.map((one) => (
                <option key={one.position} value={one.position}>
                  {nameOf(one, cities.length > 1 ? cityName(one.city) : "")}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <Failed answer={answer} />
      <NotYet answer={answer} />
      {answer.value !== null && !position && <p class="soft">{words.noPosition}</p>}
      {position && part === "hand_over" && (
        <div class="shift-columns">
          <HandOverPart key={position.position} position={position} />
          <Waiting key={`${position.position} waiting`} position={position} all={all} />
        </div>
      )}
      {position && part === "figures" && <Figures key={position.position} position={position} />}
      {part === "reports" && <Reports cities={cities} />}
      {part === "warnings" && <Warnings />}
    </div>
  );
}

function nameOf(position: Position, city: string): string {
  const name = named(position.name_zh, position.name, position.position);
  return city ? `${city} · ${name}` : name;
}

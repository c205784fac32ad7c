// How many alarms each operator's position is shown in 10 minutes, with the rules in force and with those tried.
import { dateTime } from "../instant";
import { named } from "../language";
import { engineerTrialWords } from "../words/engineer_trial";
import type { PositionLoadItem } from "./types";

type Side = PositionLoadItem["before"];
const FLOOD_ALARMS = 10;
const SIDES = ["before", "after"] as const;

export function PositionLoads({ loads }: { loads: PositionLoadItem[] }) {
  const words = engineerTrialWords();
  const shown = {
    load_annunciated: (side: Side) => side.annunciated.toLocaleString(),
    load_mean: (side: Side) => side.per_10_minutes_mean?.toFixed(2) ?? "–",
    load_peak: (side: Side) => (side.per_10_minutes_peak > FLOOD_ALARMS ? "▲ " : "") + side.per_10_minutes_peak,
    load_share: (side: Side) => `${(side.periods_above_10_share * 100).toFixed(1)} %`,
  };
  const figures = Object.keys(shown) as (keyof typeof shown)[];
  if (loads.length === 0) return null;
  return (
    <table class="engineer-table">
      <caption>
        {words.loadByPosition} {words.before} → {words.after}
      </caption>
      <thead>
        <tr>
          <th scope="col">{words.position}</th>
          {figures.map((figure) => (
            <th scope="col" class="number" key={figure}>
              {words[figure]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {loads.map((one) => (
          <tr key={one.position}>
            <th scope="row">
              {named(one.name_zh, one.name, one.position)} <code class="soft">{one.position}</code>
            </th>
            {figures.map((figure) => (
              <td
                class={
                  figure === "load_peak" && one.after.per_10_minutes_peak > FLOOD_ALARMS ? "number abnormal" : "number"
                }
                key={figure}
                title={
                  figure === "load_peak"
                    ? SIDES.map((side) => (one[side].peak_at ? dateTime(one[side].peak_at) : "–")).join(" → ")
                    : undefined
                }
              >
                {shown[figure](one.before)} → {shown[figure](one.after)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// What is kept for how long, as it is in force; it is set by command.
import { span } from "../instant";
import { engineerHealthWords } from "../words/engineer_health";
import { COMMANDS } from "./commands";
import { Freshness, useLoaded } from "./loaded";
import type { RetentionPolicy } from "./types";

export function Retention() {
  const words = engineerHealthWords();
  const loaded = useLoaded<RetentionPolicy>("/retention");
  const found = loaded.value;
  const days = (count: number | null) => (count === null ? words.forEver : span(count * 86_400));
  return (
    <section class="engineer-panel" aria-labelledby="engineer-retention">
      <header>
        <h2 id="engineer-retention">{words.retention}</h2>
        <Freshness of={loaded} />
      </header>
      {found && (
        <>
          <table class="engineer-table">
            <thead>
              <tr>
                <th scope="col">{words.property}</th>
                <th scope="col" class="number">
                  {words.raw}
                </th>
                <th scope="col" class="number">
                  {words.minutes}
                </th>
                <th scope="col" class="number">
                  {words.hours}
                </th>
              </tr>
            </thead>
            <tbody>
              {found.policies.map((one) => (
                <tr key={one.property}>
                  <th scope="row">{one.property === "*" ? words.otherProperties : one.property}</th>
                  <td class="number">{days(one.raw_days)}</td>
                  <td class="number">{days(one.minute_days)}</td>
                  <td class="number">{days(one.hour_days)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <table class="engineer-table">
            <thead>
              <tr>
                <th scope="col">{words.records}</th>
                <th scope="col" class="number">
                  {words.kept}
                </th>
                <th scope="col" class="number">
                  {words.fewest}
                </th>
              </tr>
            </thead>
            <tbody>
              {found.records.map((one) => (
                <tr key={one.class}>
                  <th scope="row">
                    {words[`record_${one.class}` as keyof typeof words] ?? one.holds}{" "}
                    <code class="soft">{one.class}</code>
                  </th>
                  <td class="number">{days(one.days)}</td>
                  <td class="number">{one.days_min === null ? words.evidence : span(one.days_min * 86_400)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p class="soft">
            {words.setBy} <code>{COMMANDS.setRetention}</code>
          </p>
        </>
      )}
    </section>
  );
}

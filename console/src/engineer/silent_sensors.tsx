// Sensors that are silent, never heard or bad, by district: where nothing is said, nothing is known.
import { Fragment } from "preact";
import { named } from "../language";
import { keepStatus, status, statusAt } from "../status";
import { engineerHealthWords } from "../words/engineer_health";
import { modeWords, systemWords } from "../words/shared";
import { Freshness } from "./loaded";

export function SilentSensors() {
  const words = engineerHealthWords();
  const cities = status.value?.cities ?? [];
  return (
    <section class="engineer-panel" aria-labelledby="engineer-silent">
      <header>
        <h2 id="engineer-silent">{words.silentSensors}</h2>
        <Freshness of={{ at: statusAt.value, failure: "", again: keepStatus }} />
      </header>
      {cities.length === 0 ? (
        <p>{words.noCities}</p>
      ) : (
        <table class="engineer-table">
          <thead>
            <tr>
              <th scope="col">{words.place}</th>
              <th scope="col" class="number">
                {words.sensors}
              </th>
              <th scope="col" class="number">
                {words.fresh}
              </th>
              <th scope="col" class="number">
                {words.silent}
              </th>
              <th scope="col" class="number">
                {words.never}
              </th>
              <th scope="col" class="number">
                {words.bad}
              </th>
              <th scope="col">{words.whichSystems}</th>
            </tr>
          </thead>
          <tbody>
            {cities.map((city) => (
              <Fragment key={city.city}>
                <tr>
                  <th scope="row">
                    {named(city.name_zh, city.name, city.city)} ({modeWords()[city.mode]})
                  </th>
                  <Figures of={city} />
                  <td />
                </tr>
                {city.districts.map((district) => (
                  <tr key={district.district}>
                    <td class="engineer-inner">{district.district || words.noDistrict}</td>
                    <Figures of={district} />
                    <td>
                      {district.systems
                        .filter((one) => one.freshness.silent + one.freshness.never_heard > 0)
                        .map(
                          (one) =>
                            `${systemWords()[one.system as "gas"] ?? one.system} ${one.freshness.silent + one.freshness.never_heard}/${one.sensors}`,
                        )
                        .join(", ")}
                    </td>
                  </tr>
                ))}
              </Fragment>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

interface Counted {
  sensors: number;
  freshness: { fresh: number; silent: number; never_heard: number };
  quality: { bad: number };
}

function Figures({ of }: { of: Counted }) {
  const cell = (count: number) => <td class={count > 0 ? "number abnormal" : "number"}>{count.toLocaleString()}</td>;
  return (
    <>
      <td class="number">{of.sensors.toLocaleString()}</td>
      <td class="number">{of.freshness.fresh.toLocaleString()}</td>
      {cell(of.freshness.silent)}
      {cell(of.freshness.never_heard)}
      {cell(of.quality.bad)}
    </>
  );
}

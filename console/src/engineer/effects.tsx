// What a temporary limit would change at the sensors there are.
import { SeverityChip } from "../severity";
import { engineerRuleWords } from "../words/engineer_rules";
import { LEVELS } from "./rule_words";
import type { Effect } from "./types";

export function Effects({ effects }: { effects: Effect[] }) {
  const words = engineerRuleWords();
  if (effects.length === 0) return null;
  return (
    <table class="engineer-table">
      <thead>
        <tr>
          <th scope="col" class="number">
            {words.sensors}
          </th>
          <th scope="col">{words.example}</th>
          {LEVELS.map((level) => (
            <th scope="col" key={level}>
              <SeverityChip level={level} short />
            </th>
          ))}
          <th scope="col">{words.unit}</th>
          <th scope="col">{words.effect}</th>
        </tr>
      </thead>
      <tbody>
        {effects.map((effect) => (
          <tr key={effect.example}>
            <td class="number">{effect.sensors}</td>
            <td>{effect.example}</td>
            {LEVELS.map((level) => {
              const [before, after] = [effect.before[level] ?? "–", effect.after[level] ?? "–"];
              return <td key={level}>{before === after ? before : `${before} → ${after}`}</td>;
            })}
            <td>{effect.unit}</td>
            <td>
              {[effect.loosened && words.loosened, effect.tightened && words.tightened].filter(Boolean).join(", ")}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

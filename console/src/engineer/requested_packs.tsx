// What a request to activate rules would change: rules added, removed, changed; warnings; limits that end; tests.
import { filled } from "../language";
import { engineerTrialWords } from "../words/engineer_trial";

interface Requested {
  packs: {
    pack: string;
    version: string;
    replaces: string | null;
    changes: Record<"added" | "removed" | "changed", string[]>;
    text?: string;
  }[];
  warnings: string[];
  ends_temporary_limits: number[];
  tests_passed: number;
}

export function RequestedPacks({ request }: { request: Record<string, unknown> }) {
  const words = engineerTrialWords();
  const { packs, warnings, ends_temporary_limits: ends, tests_passed: passed } = request as unknown as Requested;
  return (
    <>
      {packs.map((pack) => (
        <div key={pack.pack} class="engineer-requested">
          <p>
            <strong>{pack.pack}</strong> <code>{pack.replaces ?? words.newPack}</code> → <code>{pack.version}</code>
          </p>
          <ul class="engineer-lines">
            {(["removed", "changed", "added"] as const).map(
              (kind) =>
                pack.changes[kind].length > 0 && (
                  <li key={kind}>
                    {words[`rules_${kind}`]} <code>{pack.changes[kind].join(", ")}</code>
                  </li>
                ),
            )}
          </ul>
          {pack.text !== undefined && (
            <details class="engineer-details">
              <summary>{words.asWritten}</summary>
              <pre class="engineer-payload">{pack.text}</pre>
            </details>
          )}
        </div>
      ))}
      {warnings.length > 0 && (
        <div class="engineer-refused">
          <strong>{words.warnings}</strong>
          <ul>
            {warnings.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </div>
      )}
      {ends.length > 0 && <p class="engineer-refused">{filled(words.endsLimits, { numbers: ends.join(", ") })}</p>}
      <p class="soft">{filled(words.testsPassed, { count: passed })}</p>
    </>
  );
}

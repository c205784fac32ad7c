// What a user or key may: its role and its areas.
import type { Signal } from "@preact/signals";
import { engineerAccessWords } from "../words/engineer_access";
import { roleWords } from "../words/shared";

type Role = keyof ReturnType<typeof roleWords>;
const AREAS_EXAMPLE = "jiayuguan, jinchang/jinchuan";

/** A role's name, the role itself where the console does not know it. */
export const roleText = (role: string): string => roleWords()[role as Role] ?? role;

/** Areas as they are typed: `jiayuguan, jinchang/jinchuan`. */
export const areasOf = (text: string): string[] => text.split(/[\s,，、;；]+/).filter((part) => part !== "");

export function AccessFields({ role, areas }: { role: Signal<string>; areas: Signal<string> }) {
  const words = engineerAccessWords();
  return (
    <>
      <label>
        {words.role}
        <select value={role.value} onChange={(event) => (role.value = event.currentTarget.value)}>
          {Object.entries(roleWords()).map(([one, text]) => (
            <option key={one} value={one}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words.areas}
        <input
          required
          placeholder={AREAS_EXAMPLE}
          value={areas.value}
          onInput={(event) => (areas.value = event.currentTarget.value)}
        />
      </label>
    </>
  );
}

// A password or key that is shown once: to be copied, then put away.
import { engineerAccessWords } from "../words/engineer_access";

export function Secret({ title, text, onSeen }: { title: string; text: string; onSeen: () => void }) {
  const words = engineerAccessWords();
  return (
    <div class="engineer-secret" role="alert">
      <p>
        <strong>{title}</strong> {words.onlyOnce}
      </p>
      <code>{text}</code>
      <button type="button" onClick={onSeen}>
        {words.putAway}
      </button>
    </div>
  );
}

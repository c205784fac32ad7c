// A rule file as text with the numbers of its lines; what is wrong stands below and is marked at its line.
import { useEffect, useRef } from "preact/hooks";
import { engineerTrialWords } from "../words/engineer_trial";
import { change, files, problems } from "./drafts";

export function RuleEditor({ place }: { place: number }) {
  const words = engineerTrialWords();
  const numbers = useRef<HTMLPreElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const file = files.value[place];
  const lines = (file?.text ?? "").split("\n");
  const found = problems.value.filter((problem) => problem.file === place);
  const wrong = new Set(found.map((problem) => problem.line));
  const scroll = (line: number) => {
    if (area.current) area.current.scrollTop = (area.current.scrollHeight / lines.length) * Math.max(0, line - 6);
  };
  useEffect(() => {
    if (found[0]) scroll(found[0].line);
  }, [problems.value, place]);
  if (!file) return null;
  const show = (line: number) => {
    const editor = area.current;
    if (!editor) return;
    const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    editor.focus();
    editor.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    scroll(line);
  };
  return (
    <div class="engineer-editor">
      <div class="engineer-text">
        <pre ref={numbers} aria-hidden="true">
          {lines.map((_, at) => (
            <span key={at} class={wrong.has(at + 1) ? "wrong" : undefined}>
              {wrong.has(at + 1) ? `▲${at + 1}` : at + 1}
              {"\n"}
            </span>
          ))}
        </pre>
        <textarea
          ref={area}
          wrap="off"
          spellcheck={false}
          rows={18}
          aria-label={file.name}
          value={file.text}
          aria-invalid={found.length > 0}
          aria-describedby={found.length > 0 ? "engineer-problems" : undefined}
          onInput={(event) => change(place, event.currentTarget.value)}
          onScroll={(event) => {
            if (numbers.current) numbers.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </div>
      {found.length > 0 && (
        <div id="engineer-problems" class="engineer-problems" role="alert">
          <strong>{words.notUsable}</strong>
          <ul>
            {found.map((problem) => (
              <li key={`${problem.line} ${problem.text}`}>
                <button type="button" class="engineer-link" onClick={() => show(problem.line)}>
                  {file.name}:{problem.line}
                </button>{" "}
                {problem.text}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

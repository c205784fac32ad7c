// Changed rules tried over the city's own history, what would be otherwise, and the request to put them into force.
import { useSignal } from "@preact/signals";
import { now, span } from "../instant";
import { filled } from "../language";
import { me } from "../session";
import { engineerTrialWords } from "../words/engineer_trial";
import { Activation } from "./activation";
import {
  addFile,
  begunAt,
  current,
  FILES_MAX,
  failure,
  files,
  isTried,
  problems,
  REQUEST_BYTES_MAX,
  removeFile,
  runTrial,
  stopTrial,
  tried,
} from "./drafts";
import { FileInput } from "./file_input";
import { failureOf, useLoaded } from "./loaded";
import { RuleEditor } from "./rule_editor";
import { TrialResult } from "./trial_result";
import { TrialSpan } from "./trial_span";
import type { Packs } from "./types";
import { packText } from "./yaml";

export function Trial() {
  const words = engineerTrialWords();
  const shown = problems.value.filter((problem) => typeof problem.file === "number");
  return (
    <div class="engineer-trial">
      <section class="engineer-panel" aria-labelledby="engineer-trial">
        <h1 id="engineer-trial">{words.title}</h1>
        <Sources />
        {files.value.length > 0 && (
          <>
            <div class="engineer-files" role="group" aria-label={words.files}>
              {files.value.map((file, place) => (
                <span key={file.name}>
                  <button type="button" aria-pressed={place === current.value} onClick={() => (current.value = place)}>
                    {file.name}
                    {shown.some((problem) => problem.file === place) && ` ▲`}
                  </button>
                  <button
                    type="button"
                    aria-label={filled(words.removeFile, { name: file.name })}
                    onClick={() => removeFile(place)}
                  >
                    ×
                  </button>
                </span>
              ))}
            </div>
            <RuleEditor place={current.value} />
            <TrialSpan />
            <Run />
          </>
        )}
        {failure.value && shown.length === 0 && (
          <p role="alert" class="engineer-refused">
            {failure.value}
          </p>
        )}
      </section>
      {tried.value && (
        <section class="engineer-panel" aria-labelledby="engineer-difference">
          <h2 id="engineer-difference">{words.difference}</h2>
          {!isTried.value && (
            <p role="status" class="engineer-refused">
              {words.changedSince}
            </p>
          )}
          <TrialResult answer={tried.value.answer} tookMs={tried.value.tookMs} />
        </section>
      )}
      {files.value.length > 0 && <Activation />}
    </div>
  );
}

/** A pack in force as a text, or files of one's own. */
function Sources() {
  const words = engineerTrialWords();
  const packs = useLoaded<Packs>("/rules");
  const refused = useSignal("");
  const whole = me.value?.areas.includes("*");
  const take = (name: string) => {
    const pack = packs.value?.packs.find((one) => one.pack === name);
    if (pack) addFile({ name: `${pack.pack}.yaml`, text: packText(pack) });
  };
  const read = async (given: globalThis.File[]) => {
    refused.value = "";
    for (const file of given) {
      try {
        if (file.size > REQUEST_BYTES_MAX)
          throw new Error(filled(words.fileTooLarge, { name: file.name, most: REQUEST_BYTES_MAX }));
        if (files.value.length >= FILES_MAX) throw new Error(filled(words.tooManyFiles, { most: FILES_MAX }));
        addFile({ name: file.name, text: await file.text() });
      } catch (error) {
        refused.value = failureOf(error);
      }
    }
  };
  return (
    <div class="engineer-form">
      {whole && (
        <label>
          {words.fromInForce}
          <select value="" onChange={(event) => take(event.currentTarget.value)}>
            <option value="">{words.choosePack}</option>
            {packs.value?.packs.map((pack) => (
              <option key={pack.pack} value={pack.pack}>
                {pack.pack}
              </option>
            ))}
          </select>
        </label>
      )}
      <FileInput label={words.ownFiles} onFiles={read} />
      <p class="soft wide">{whole ? words.sourcesMeaning : words.onlyFiles}</p>
      {(refused.value || packs.failure) && (
        <p role="alert" class="wide">
          {refused.value || packs.failure}
        </p>
      )}
    </div>
  );
}

function Run() {
  const words = engineerTrialWords();
  const begun = begunAt.value;
  if (begun === null) {
    return (
      <p class="engineer-acts">
        <button type="button" class="main" onClick={runTrial}>
          {words.run}
        </button>
      </p>
    );
  }
  return (
    <div class="engineer-acts">
      <progress aria-label={words.running} />
      <span role="timer">{filled(words.elapsed, { span: span((now.value - begun) / 1000) })}</span>
      <button type="button" onClick={stopTrial}>
        {words.stop}
      </button>
    </div>
  );
}

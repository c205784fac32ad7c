// My tasks: what is assigned to the crew, due first, and what waits for another person's verification.
import { useSignalEffect } from "@preact/signals";
import type { Alarm } from "../types";
import { fieldWords } from "../words/field";
import { useKept } from "./answers";
import { AlarmRow, AsOf, nameOf, shownMode } from "./parts";
import { told } from "./queue";
import { type Tasks, tasks, teams } from "./tasks";

export function TaskList() {
  const words = fieldWords();
  const mode = shownMode();
  const asked = useKept<Tasks>(mode && `tasks:${mode}`, async () => (mode ? tasks(mode) : undefined));
  useSignalEffect(() => {
    if (told.value > 0) asked.again();
  });
  useSignalEffect(() => {
    if (asked.shown.value) teams.value = asked.shown.value.data.teams;
  });
  const found = asked.shown.value?.data;
  return (
    <>
      <h1>{words.tasks}</h1>
      <AsOf of={asked} />
      {found && (
        <>
          <h2>{words.mine}</h2>
          {found.teams === null && <p class="field-doubt">{words.noTeams}</p>}
          {found.mine.length === 0 && <p>{words.noTasks}</p>}
          <List alarms={found.mine} />
          {found.toVerify.length > 0 && <h2>{words.toVerify}</h2>}
          <List alarms={found.toVerify} />
        </>
      )}
    </>
  );
}

function List({ alarms }: { alarms: readonly Alarm[] }) {
  return (
    <ul class="field-list">
      {alarms.map((one) => {
        const listed = { ...one, step: one.handling?.step, due: one.handling?.due };
        return <AlarmRow key={one.alarm} alarm={listed} name={nameOf(one)} tab="tasks" />;
      })}
    </ul>
  );
}

// The engineer's view: rules, their trial and activation, quarantine, how ingest does; accounts and audit.
import type { ComponentType } from "preact";
import { follow, route } from "../router";
import { may, type Role, role } from "../session";
import { engineerWords } from "../words/engineer";
import { Accounts } from "./accounts";
import { Approvals } from "./approvals";
import { Audit } from "./audit";
import { Channels } from "./channels";
import "./engineer.css";
import { Health } from "./health";
import { Quarantine } from "./quarantine";
import { Rules } from "./rules";
import { TemporaryLimits } from "./temporary_limits";
import { Trial } from "./trial";

const NOTIFICATION_READERS: Role[] = ["operator", "engineer", "supervisor", "system_administrator", "auditor"];

/** What the view has, and for whom: the service refuses the others. */
const TABS = {
  rules: { view: Rules, open: may.readAlarms },
  trial: { view: Trial, open: () => role.value === "engineer" },
  approvals: { view: Approvals, open: may.readAlarms },
  limits: { view: TemporaryLimits, open: may.readAlarms },
  quarantine: { view: Quarantine, open: may.readQuarantine },
  health: { view: Health, open: may.readAlarms },
  channels: { view: Channels, open: () => NOTIFICATION_READERS.includes(role.value) },
  access: { view: Accounts, open: () => role.value === "security_administrator" },
  audit: { view: Audit, open: () => ["auditor", "security_administrator"].includes(role.value) },
} satisfies Record<string, { view: ComponentType; open: () => boolean }>;
export type Tab = keyof typeof TABS;

export function Engineer() {
  const words = engineerWords();
  const open = (Object.keys(TABS) as Tab[]).filter((tab) => TABS[tab].open());
  const asked = route.value.query.get("tab") as Tab | null;
  const first = role.value === "security_administrator" ? "access" : "rules";
  const chosen = asked && open.includes(asked) ? asked : first;
  const View = TABS[chosen].view;
  return (
    <div class="engineer">
      <nav class="engineer-tabs" aria-label={words.title}>
        {open.map((tab) => (
          <a
            key={tab}
            href={`/engineer?tab=${tab}`}
            onClick={follow}
            aria-current={tab === chosen ? "page" : undefined}
          >
            {words[`tab_${tab}`]}
          </a>
        ))}
      </nav>
      {asked && asked !== chosen && <p role="alert">{words.notForRole}</p>}
      <View key={chosen} />
    </div>
  );
}

// Which acts an alarm allows and a role may do; pure. The service decides: this only leaves out what it would refuse.
import { ACKNOWLEDGERS, DESK, OUT_OF_SERVICE_TAKERS, type Role, SITE_WORKERS } from "../roles";
import type { Alarm, State } from "../types";

export const ACTIONS = [
  "acknowledge",
  "reset",
  "assign",
  "accept",
  "arrive",
  "resolve",
  "verify",
  "decline",
  "judge",
  "comment",
  "shelve",
  "unshelve",
  "suppress",
  "out-of-service",
  "return-to-service",
] as const;
export type Action = (typeof ACTIONS)[number];

/** What of an alarm decides on the acts. */
export type Actable = Pick<Alarm, "state"> & {
  handling?: Pick<NonNullable<Alarm["handling"]>, "step" | "assigned_to" | "resolved_by"> | null | undefined;
};

const ROLES_OF: Record<Action, readonly Role[]> = {
  acknowledge: ACKNOWLEDGERS,
  reset: ACKNOWLEDGERS,
  comment: ACKNOWLEDGERS,
  judge: ACKNOWLEDGERS,
  assign: DESK,
  accept: ACKNOWLEDGERS,
  decline: ACKNOWLEDGERS,
  arrive: ACKNOWLEDGERS,
  resolve: ACKNOWLEDGERS,
  verify: ACKNOWLEDGERS,
  shelve: DESK,
  unshelve: DESK,
  suppress: SITE_WORKERS,
  "out-of-service": OUT_OF_SERVICE_TAKERS,
  "return-to-service": SITE_WORKERS,
};

const LATCHED: readonly State[] = ["latched_unacknowledged", "latched_acknowledged"];
const ANNUNCIATED: readonly State[] = ["unacknowledged", "acknowledged", ...LATCHED];
/** In which states; acts that are not named do not mind the state. */
const STATES_OF: Partial<Record<Action, readonly State[]>> = {
  acknowledge: ["unacknowledged", "returned_unacknowledged", "latched_unacknowledged"],
  reset: LATCHED,
  shelve: ANNUNCIATED,
  unshelve: ["shelved"],
  suppress: [...ANNUNCIATED, "returned_unacknowledged", "shelved"],
  "out-of-service": [...ANNUNCIATED, "returned_unacknowledged", "shelved", "suppressed_by_design"],
  "return-to-service": ["suppressed_by_design", "out_of_service"],
};

type Step = NonNullable<Alarm["handling"]>["step"] | null;
/** At which steps of the work (null: nobody has dealt with it); acts that are not named do not mind the step. */
const STEPS_OF: Partial<Record<Action, readonly Step[]>> = {
  assign: [null, "assigned", "accepted", "declined", "arrived", "verified"],
  accept: ["assigned"],
  decline: ["assigned", "accepted", "arrived"],
  arrive: ["accepted"],
  resolve: ["arrived"],
  verify: ["resolved"],
};

/** Whether an alarm in this state can be acknowledged. */
export const isUnacknowledged = (alarm: Pick<Alarm, "state">): boolean =>
  (STATES_OF.acknowledge as readonly State[]).includes(alarm.state);

/** The acts that role and alarm allow, in the order in which they are shown. `name` is who asks. */
export function offered(alarm: Actable, role: Role, name = ""): Action[] {
  return ACTIONS.filter((action) => isOffered(action, alarm, role, name));
}

function isOffered(action: Action, alarm: Actable, role: Role, name: string): boolean {
  if (!ROLES_OF[action].includes(role)) return false;
  if (STATES_OF[action]?.includes(alarm.state) === false) return false;
  if (STEPS_OF[action]?.includes(alarm.handling?.step ?? null) === false) return false;
  // who resolved an alarm, or was sent to it, does not verify it
  const own = name !== "" && (alarm.handling?.resolved_by === name || alarm.handling?.assigned_to === name);
  return !(action === "verify" && own);
}

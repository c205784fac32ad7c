// The API's forms that the drawer uses.
import type { components } from "../generated/api";
import type { Known } from "../types";

type Schemas = components["schemas"];

export type Line = Known<Schemas["Line"]>;
export type Approval = Known<Schemas["ApprovalItem"]>;
export type Suppression = Schemas["SuppressionItem"];
export type Cause = Schemas["CauseItem"];
export type OnDuty = Schemas["OnDutyItem"];
export type CityRosters = Schemas["CityItem"];
export type SensorItem = Known<Schemas["SensorItem"]>;
export type SensorRule = Schemas["SensorRule"];
export type Reading = Schemas["Reading"];
export type Readings = Schemas["Readings"];
export type IncidentDetail = Known<Schemas["IncidentDetail"]>;

/** A request for a second person, as an act is answered with it (202). */
export interface Requested {
  approval: number;
  kind: string;
  state: string;
  subject: string;
  expires_at: string;
  detail: string;
}

/** The body of an act but what all have: `seen_sequence` and the key. */
export type Body = Record<string, string | number | boolean | null | { longitude: number; latitude: number }>;

// The API's answers that the engineer view reads.
import type { components } from "../generated/api";
import type { Severity } from "../types";

type Schemas = components["schemas"];
export type Packs = Schemas["Packs"];
export type PackItem = Schemas["PackItem"];
export type TrialAnswer = Schemas["TrialAnswer"];
/** A trial as it is kept with a request or a version, made by this Lifeline or an older one. */
export type KeptTrial = Omit<TrialAnswer, "judged" | "positions"> &
  Partial<Pick<TrialAnswer, "judged" | "positions">> & { not_shown?: string };
export type JudgedTrial = Schemas["JudgedTrial"];
export type LostAlarm = Schemas["LostAlarm"];
export type PositionLoadItem = Schemas["PositionLoadItem"];
export type PackVersions = Schemas["PackVersions"];
export type PackVersionItem = Schemas["PackVersionItem"];
export type TriedOccurrence = Schemas["TriedOccurrence"];
export type ApprovalItem = Schemas["ApprovalItem"];
export type ApprovalPage = Schemas["ApprovalPage"];
export type TemporaryLimitItem = Schemas["TemporaryLimitItem"];
export type TemporaryLimitPage = Schemas["TemporaryLimitPage"];
export type RequestedChange = Schemas["RequestedChange"];
export type RejectionItem = Schemas["RejectionItem"];
export type RejectionPage = Schemas["RejectionPage"];
export type ChannelItem = Schemas["ChannelItem"];
export type Channels = Schemas["Channels"];
export type NotificationItem = Schemas["NotificationItem"];
export type NotificationPage = Schemas["NotificationPage"];
export type Readiness = Schemas["Readiness"];
export type RetentionPolicy = Schemas["RetentionPolicy"];
export type UserItem = Schemas["UserItem"];
export type UserPage = Schemas["UserPage"];
export type UserWithPassword = Schemas["UserWithPassword"];
export type KeyItem = Schemas["KeyItem"];
export type KeyPage = Schemas["KeyPage"];
export type KeyWithText = Schemas["KeyWithText"];
export type AuditEntry = Schemas["AuditEntry"];
export type AuditPage = Schemas["AuditPage"];

/** A text of a rule file in both languages. */
export interface Text {
  en: string;
  zh: string;
}
export type Selector = Record<string, string | Record<string, string>>;
export type Limit = number | { attribute: string; factor?: number; offset?: number };
export type Limits = Partial<Record<Severity, Limit>>;

/** A rule as its file has it; conditions have further fields by their kind. */
export interface Rule {
  rule: string;
  rule_version: string;
  name: Text;
  class: string;
  select: Selector;
  condition: { kind: string; unit?: string; direction?: string; limits?: Limits; [field: string]: unknown };
  overrides: { select: Selector; limits?: Limits; [field: string]: unknown }[];
  annunciated?: boolean;
  latching?: boolean;
  suppressed_by?: { rule: string; per: string; up_to: Severity }[];
  priority: string | Partial<Record<Severity, string>>;
  basis: { mark: string; source: string; limits?: string[] }[];
  guidance: { cause: Text; consequence: Text; response: Text; time_to_respond_s: number };
}

/** What becomes of the limits at some sensors, in the unit of their property. */
export interface Effect {
  before: Partial<Record<Severity, number>>;
  after: Partial<Record<Severity, number>>;
  unit: string | null;
  sensors: number;
  example: string;
  loosened: boolean;
  tightened: boolean;
}

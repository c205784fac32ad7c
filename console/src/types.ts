// The API's answers, by the names that the console uses; generated from the OpenAPI document at set-up.
import type { components } from "./generated/api";

type Schemas = components["schemas"];
/** The named fields alone, where a schema leaves room for further ones. */
export type Known<T> = { [Name in keyof T as string extends Name ? never : Name]: T[Name] };

export type Alarm = Known<Schemas["AlarmItem"]>;
export type AlarmPage = Omit<Schemas["AlarmPage"], "alarms"> & { alarms: Alarm[] };
export type Enrolment = Schemas["Enrolment"];
export type Me = Schemas["Me"];
export type ProblemDetails = Schemas["ProblemDetails"];
export type Status = Schemas["Status"];

export type Mode = Alarm["mode"];
export type Severity = NonNullable<Alarm["severity"]>;
export type State = Alarm["to"];
export type AlarmClass = Alarm["class"];

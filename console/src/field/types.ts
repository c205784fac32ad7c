// The API's forms that the phone view uses.
import type { components } from "../generated/api";
import type { Alarm, Known } from "../types";

type Schemas = components["schemas"];

export type Asset = Schemas["AssetItem"];
export type BriefAlarm = Schemas["BriefAlarm"];
export type BriefSensor = Schemas["BriefSensor"];
export type Bucket = Schemas["ReadingBucket"];
export type Cause = Schemas["CauseItem"];
export type LatestReading = Schemas["LatestReading"];
export type Sensor = Known<Schemas["SensorItem"]>;
export type Suppression = Schemas["SuppressionItem"];
export type Step = NonNullable<Alarm["handling"]>["step"];

/** Longitude and latitude in degrees, WGS-84. */
export type Position = readonly [longitude: number, latitude: number];

/** Something that the service answered, and when by this device's clock. */
export interface Kept<T> {
  data: T;
  at: number;
}

/** An alarm with what a crew needs to know of its sensor. */
export interface Task {
  alarm: Alarm;
  sensor: Sensor | null;
  latest: LatestReading | null;
}

// The API's answers that this view uses.
import type { components } from "../generated/api";

type Schemas = components["schemas"];

export type Exercise = Schemas["ExerciseItem"];
export type ExerciseList = Schemas["ExerciseList"];
export type Playable = Schemas["PlayableList"];
export type StartBody = Schemas["StartExerciseBody"];

// What the wall shows beside alarms and status: floods, open incidents, warnings in force, partners' cities.
import { type Signal, signal } from "@preact/signals";
import { read } from "../api";
import type { components } from "../generated/api";
import type { Mode } from "../types";
import type { PartnerCity } from "./rows";

type Schemas = components["schemas"];
export type Flood = Schemas["FloodItem"];
export type PartnerAlarm = Schemas["PartnerAlarmItem"];

const EVERY_MS = 15_000;
const COUNTED_MAX = 1000;
const PARTNER_ALARMS_MAX = 100;
/** After so long without an answer a figure is not known any more. */
export const KNOWN_MS_MAX = 60_000;

/** A figure and when it was answered, by the browser's clock; null before the first time. */
export interface Known<T> {
  value: T;
  at: number;
}
type Figure<T> = Signal<Known<T> | null>;

export const floods: Figure<(Flood & { name: string; name_zh: string })[]> = signal(null);
export const incidents: Figure<number> = signal(null);
export const warnings: Figure<number> = signal(null);
export const partners: Figure<PartnerCity[]> = signal(null);
export const partnerAlarms: Figure<PartnerAlarm[]> = signal(null);

let timer = 0;
let round = 0;

/** Ask for the figures of a mode now, and again and again until `stop`. */
export function keepFigures(mode: Mode): void {
  stopFigures();
  const mine = round;
  const again = async () => {
    await Promise.allSettled([
      ask(floods, async () => {
        const found = await read<Schemas["Positions"]>("/positions");
        return found.positions.flatMap((position) =>
          position.floods
            .filter((one) => one.mode === mode)
            .map((one) => ({ ...one, name: position.name, name_zh: position.name_zh })),
        );
      }),
      ask(incidents, async () => {
        const found = await read<Schemas["IncidentPage"]>("/incidents", { state: "open", mode, limit: COUNTED_MAX });
        return found.incidents.length;
      }),
      ask(warnings, async () => {
        const found = await read<Schemas["WarningPage"]>("/warnings", { standing: true, mode, limit: COUNTED_MAX });
        return found.warnings.filter((one) => one.content !== null).length;
      }),
      askPartners(),
    ]);
    if (round === mine) timer = window.setTimeout(again, EVERY_MS);
  };
  const ask = async <T>(figure: Figure<T>, question: () => Promise<T>) => {
    const value = await question();
    if (round === mine) figure.value = { value, at: Date.now() };
  };
  const askPartners = async () => {
    await ask(partners, async () => (await read<Schemas["ProvinceStatus"]>("/province/status")).cities);
    if (!partners.peek()?.value.length) return;
    await ask(partnerAlarms, async () => {
      const asked = { severity: ["red", "orange"], mode, limit: PARTNER_ALARMS_MAX };
      const found = await read<Schemas["PartnerAlarmPage"]>("/province/alarms", asked);
      return found.alarms;
    });
  };
  again();
}

export function stopFigures(): void {
  round += 1;
  clearTimeout(timer);
  for (const figure of [floods, incidents, warnings, partners, partnerAlarms]) figure.value = null;
}

// The tones themselves: one for each severity, told apart by pitch and number of pulses, made by the browser.
import { signal } from "@preact/signals";
import type { Level } from "../severity";

/** Pulses of one tone: pitch in hertz, seconds each, and the gap between them. */
interface Tone {
  pitches: readonly number[];
  pulse_s: number;
  gap_s: number;
}
const LOW: Tone = { pitches: [330], pulse_s: 0.12, gap_s: 0 };
const TONES: Record<Level, Tone> = {
  red: { pitches: [988, 784, 988, 784, 988], pulse_s: 0.14, gap_s: 0.06 },
  orange: { pitches: [784, 659, 784], pulse_s: 0.18, gap_s: 0.1 },
  yellow: { pitches: [587, 587], pulse_s: 0.2, gap_s: 0.15 },
  blue: { pitches: [440], pulse_s: 0.25, gap_s: 0 },
  system: { pitches: [330, 330], pulse_s: 0.12, gap_s: 0.1 },
  instrument: LOW,
  none: LOW,
};
const LOUDNESS: Partial<Record<Level, number>> = { red: 0.5, orange: 0.4 };
const LOUDNESS_ELSE = 0.25;
const RISE_S = 0.015; // without it a pulse clicks

/** Whether the browser lets tones be heard: it does after the first click or key in the page. */
export const audible = signal(false);
let context: AudioContext | null = null;

/** Let tones be heard; a browser agrees during a click or a press of a key alone. */
export function arm(): void {
  if (!context) {
    context = new AudioContext();
    context.addEventListener("statechange", told);
  }
  if (context.state !== "running") context.resume().then(told, told);
  told();
}

function told(): void {
  audible.value = context?.state === "running";
}

/** From now on the first click or key arms the sound, and later ones do should the browser have silenced it. */
export function armByUse(): void {
  for (const kind of ["pointerdown", "pointerup", "keydown"])
    addEventListener(kind, () => audible.peek() || arm(), true);
}

export function play(level: Level): void {
  if (!context || !audible.peek()) return;
  const { pitches, pulse_s, gap_s } = TONES[level];
  const loud = LOUDNESS[level] ?? LOUDNESS_ELSE;
  for (const [place, pitch] of pitches.entries()) pulse(context, pitch, loud, place * (pulse_s + gap_s), pulse_s);
}

function pulse(into: AudioContext, pitch: number, loud: number, after_s: number, pulse_s: number): void {
  const begin = into.currentTime + 0.02 + after_s;
  const oscillator = into.createOscillator();
  const volume = into.createGain();
  oscillator.type = "triangle";
  oscillator.frequency.value = pitch;
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(loud, begin + RISE_S);
  volume.gain.setValueAtTime(loud, begin + pulse_s - RISE_S);
  volume.gain.linearRampToValueAtTime(0, begin + pulse_s);
  oscillator.connect(volume).connect(into.destination);
  oscillator.start(begin);
  oscillator.stop(begin + pulse_s);
}

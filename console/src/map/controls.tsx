// Buttons over the map, its scale and its legend.
import { filled } from "../language";
import { SeverityChip } from "../severity";
import { mapWords } from "../words/map";
import type { Drawing } from "./drawing";
import { overview } from "./keep_drawn";
import { MEDIA } from "./layers";
import type { MapModel } from "./map_model";

export function Controls({ model, drawing }: { model: MapModel; drawing: Drawing }) {
  const words = mapWords();
  const all = overview(model.data.value);
  const own = model.own.value;
  return (
    <div class="map-controls" role="group" aria-label={words.controls}>
      <button
        type="button"
        aria-label={words.zoomIn}
        title={words.zoomIn}
        onClick={() => drawing.canvas.zoomIn({ animate: false })}
      >
        +
      </button>
      <button
        type="button"
        aria-label={words.zoomOut}
        title={words.zoomOut}
        onClick={() => drawing.canvas.zoomOut({ animate: false })}
      >
        −
      </button>
      <button type="button" disabled={!all} onClick={() => all && drawing.fit(all)}>
        {words.whole}
      </button>
      {own && (
        <button type="button" onClick={() => drawing.centre(own)}>
          {words.here}
        </button>
      )}
    </div>
  );
}

const SCALE_PX_MAX = 110;

export function Scale({ metresPerPixel }: { metresPerPixel: number }) {
  const words = mapWords();
  const most = SCALE_PX_MAX * metresPerPixel;
  const power = 10 ** Math.floor(Math.log10(most));
  const metres = power * ([5, 2, 1].find((digit) => digit * power <= most) ?? 1);
  const width = Math.round(metres / metresPerPixel);
  return (
    <svg class="map-scale" role="img" aria-label={words.scale} width={width + 2} height="24">
      <text x="2" y="12">
        {metres >= 1000 ? filled(words.scaleKm, { count: metres / 1000 }) : filled(words.scaleM, { count: metres })}
      </text>
      <path d={`M1 15v7h${width}v-7`} fill="none" />
    </svg>
  );
}

const STROKES: Record<string, string> = { gas: "", water: "10 3", drainage: "2 2.4", heating: "11 2.2 2.2 2.2" };

export function Legend({ folded }: { folded: boolean }) {
  const words = mapWords();
  const named = words as Record<string, string>;
  return (
    <details class="map-legend" open={!folded}>
      <summary>{words.legend}</summary>
      <dl>
        {MEDIA.map((medium) => (
          <Entry key={medium} text={named[`network_${medium}`] ?? medium}>
            <line x1="0" y1="8" x2="34" y2="8" class={`pipe ${medium}`} stroke-dasharray={STROKES[medium]} />
          </Entry>
        ))}
        <Entry text={words.flow}>
          <path d="M12 3l9 5-9 5z" class="solid" />
        </Entry>
        <Entry text={words.tracedLine}>
          <line x1="0" y1="8" x2="34" y2="8" class="traced" />
        </Entry>
        <Entry text={words.facility}>
          <circle cx="17" cy="8" r="5" class="hollow" />
        </Entry>
        <Entry text={words.sensor}>
          <circle cx="17" cy="8" r="4" class="solid soft" />
        </Entry>
        <Entry text={words.doubtful}>
          <circle cx="17" cy="8" r="4" class="hollow" />
        </Entry>
        <Entry text={words.cluster}>
          <circle cx="17" cy="8" r="7" class="many" />
          <text x="17" y="11.5">
            12
          </text>
        </Entry>
        <Entry text={words.alarmWaiting}>
          <rect x="4" y="1" width="26" height="14" class="waiting" />
        </Entry>
        <Entry text={words.alarmSeen}>
          <rect x="4" y="1" width="26" height="14" class="seen" />
        </Entry>
        <Entry text={words.alarmAside}>
          <rect x="4" y="1" width="26" height="14" class="aside" />
        </Entry>
      </dl>
      <p class="map-levels">
        {(["red", "orange", "yellow", "blue"] as const).map((level) => (
          <SeverityChip key={level} level={level} />
        ))}
      </p>
    </details>
  );
}

function Entry({ text, children }: { text: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>
        <svg width="34" height="16" aria-hidden="true">
          {children}
        </svg>
      </dt>
      <dd>{text}</dd>
    </div>
  );
}

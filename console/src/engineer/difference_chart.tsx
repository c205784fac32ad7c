// Alarms gained and lost by the hour as bars up and down of a line; more or earlier goes up, less or later down.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { dateTime } from "../instant";
import { filled } from "../language";
import { engineerTrialWords } from "../words/engineer_trial";
import { type Bucket, bucketHours, type Change } from "./difference";

const HEIGHT = 110;
const LEFT = 34;
const LINE = 12;
const LABEL = 110;

/** `up` above the line, `down` below; both to the same scale. */
export function DifferenceChart({
  buckets,
  fromMs,
  toMs,
  up,
  down,
}: {
  buckets: Bucket[];
  fromMs: number;
  toMs: number;
  up: Change;
  down: Change;
}) {
  const words = engineerTrialWords();
  const frame = useRef<HTMLDivElement>(null);
  const width = useSignal(800);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => (width.value = Math.max(240, element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const total = (change: Change) => buckets.reduce((sum, bucket) => sum + bucket[change], 0);
  const most = Math.max(1, ...buckets.map((bucket) => Math.max(bucket[up], bucket[down])));
  const plot = width.value - LEFT;
  const step = plot / buckets.length;
  const bar = Math.max(1, step - (step > 4 ? 1 : 0));
  const half = HEIGHT / 2;
  const height = (count: number) => Math.max(3, (count / most) * (half - 4));
  const hours = bucketHours(fromMs, toMs);
  const summary = filled(words.chartSummary, {
    up: words[up],
    upCount: total(up),
    down: words[down],
    downCount: total(down),
    hours,
  });
  const each = Math.max(1, Math.ceil(buckets.length / Math.floor(plot / LABEL)));
  const labels = buckets.filter((_, place) => place % each === 0 && LEFT + place * step + LABEL <= width.value);
  return (
    <figure class="engineer-chart">
      <figcaption>
        <span class="up" aria-hidden="true" /> {words[up]} {total(up)} <span class="down" aria-hidden="true" />{" "}
        {words[down]} {total(down)}
        <span class="soft"> · {filled(words.perBar, { hours })}</span>
      </figcaption>
      <div ref={frame}>
        <svg role="img" aria-label={summary} width={width.value} height={HEIGHT + LINE + 4}>
          <text x={LEFT - 6} y={10} text-anchor="end">
            {most}
          </text>
          <text x={LEFT - 6} y={half + 4} text-anchor="end">
            0
          </text>
          <text x={LEFT - 6} y={HEIGHT - 2} text-anchor="end">
            {most}
          </text>
          <line class="edge" x1={LEFT} x2={width.value} y1={4} y2={4} />
          <line class="edge" x1={LEFT} x2={width.value} y1={HEIGHT - 4} y2={HEIGHT - 4} />
          {buckets.map((bucket, place) => (
            <g key={bucket.start}>
              {(bucket[up] > 0 || bucket[down] > 0) && (
                <title>{`${dateTime(bucket.start)}: ${words[up]} ${bucket[up]}, ${words[down]} ${bucket[down]}`}</title>
              )}
              {bucket[up] > 0 && (
                <rect
                  class="up"
                  data-count={bucket[up]}
                  x={LEFT + place * step}
                  width={bar}
                  y={half - height(bucket[up])}
                  height={height(bucket[up])}
                />
              )}
              {bucket[down] > 0 && (
                <rect
                  class="down"
                  data-count={bucket[down]}
                  x={LEFT + place * step + 0.5}
                  width={Math.max(1, bar - 1)}
                  y={half}
                  height={height(bucket[down])}
                />
              )}
            </g>
          ))}
          <line class="middle" x1={LEFT} x2={width.value} y1={half} y2={half} />
          {labels.map((bucket) => (
            <text key={bucket.start} x={LEFT + buckets.indexOf(bucket) * step} y={HEIGHT + LINE}>
              {dateTime(bucket.start).replace(/:\d\d$/, "")}
            </text>
          ))}
        </svg>
      </div>
    </figure>
  );
}

// The course of a sensor's last hours as lines of a small drawing; pure. A gap stays blank.
import type { Bucket } from "./types";

export interface Course {
  /** Lines of the means, one for each span without a gap. */
  lines: string[];
  /** Single buckets between gaps, as points. */
  points: (readonly [number, number])[];
  least: number;
  most: number;
}

/** Lay buckets into a field of the given size; null where there is nothing to draw. */
export function courseOf(buckets: readonly Bucket[], width: number, height: number): Course | null {
  const values = buckets.flatMap((one) => (one.count > 0 && one.mean !== null ? [one.mean] : []));
  if (values.length === 0) return null;
  const least = Math.min(...values);
  const most = Math.max(...values);
  const span = most - least || 1;
  const step = width / Math.max(1, buckets.length - 1);
  const course: Course = { lines: [], points: [], least, most };
  let run: (readonly [number, number])[] = [];
  const end = () => {
    if (run.length > 1) course.lines.push(run.map(([x, y]) => `${x},${y}`).join(" "));
    else course.points.push(...run);
    run = [];
  };
  buckets.forEach((one, place) => {
    if (one.count === 0 || one.mean === null) {
      end();
    } else {
      const y = most === least ? height / 2 : height - ((one.mean - least) / span) * height;
      run.push([tenth(place * step), tenth(y)]);
    }
  });
  end();
  return course;
}

const tenth = (value: number) => Math.round(value * 10) / 10;

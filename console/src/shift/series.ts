// A series of counts as bars of a chart that has room for so many: the highest of those that share one. Pure.
export interface Bars {
  heights: number[];
  /** Periods that share a bar. */
  each: number;
}

export function barsOf(series: readonly number[], room: number): Bars {
  const each = Math.max(1, Math.ceil(series.length / room));
  const heights: number[] = [];
  for (let first = 0; first < series.length; first += each) {
    heights.push(Math.max(...series.slice(first, first + each)));
  }
  return { heights, each };
}

/** The top of a scale that holds both a value and a target, a round number. */
export function topOf(highest: number, target: number): number {
  const least = Math.max(highest, target * 1.25, 1);
  const unit = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((one) => one * unit >= least) ?? 10) * unit;
}

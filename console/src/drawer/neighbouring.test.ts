// The neighbours of a sensor.
import { expect, test } from "vitest";
import { neighboursOf } from "./neighbouring";

const sensor = (name: string, distance_m: number, more: { asset?: string; upstream?: string } = {}) => ({
  sensor: name,
  asset: "",
  upstream: "",
  distance_m,
  ...more,
});

test("upstream first, then downstream, then of the same asset, then the nearest", () => {
  const own = sensor("M-2", 0, { asset: "MH-1", upstream: "M-1 M-9" });
  const around = [
    own,
    sensor("NEAR", 5),
    sensor("M-3", 80, { upstream: "M-2" }),
    sensor("GAS", 1, { asset: "MH-1" }),
    sensor("M-1", 90),
    sensor("FAR", 500),
  ];
  const found = neighboursOf(own, around).map((one) => `${one.sensor.sensor} ${one.relation}`);
  expect(found).toEqual(["M-1 upstream", "M-3 downstream", "GAS sameAsset", "NEAR near", "FAR near"]);
});

test("sensors without an asset are not of one", () => {
  expect(neighboursOf(sensor("A", 0), [sensor("B", 3)])[0]?.relation).toBe("near");
});

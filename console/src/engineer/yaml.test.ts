import { expect, test } from "vitest";
import type { PackItem } from "./types";
import { packText } from "./yaml";

const pack = (rules: unknown[]) =>
  ({ pack: "gas", version: "1", description: { en: "Gas: all", zh: "燃气" }, rules }) as unknown as PackItem;

test("a pack in force becomes a rule file without what the service added", () => {
  const rule = {
    rule: "combustible-gas",
    rule_version: "abc",
    name: { en: "Gas", zh: "燃气" },
    class: "process",
    select: { property: "gas", attributes: {} },
    condition: { kind: "threshold", unit: "%{LEL}", limits: { blue: 10, red: 0.5 }, deadband: 0 },
    overrides: [],
    latching: false,
    basis: [
      { mark: "S", source: "read: x #1" },
      { mark: "P", source: "a long text that does not fit beside the mark of the line because it is long" },
    ],
  };
  expect(packText(pack([rule]))).toBe(`pack: gas
description: {en: "Gas: all", zh: "燃气"}
rules:
  - rule: combustible-gas
    name: {en: Gas, zh: "燃气"}
    select: {property: gas}
    condition:
      kind: threshold
      unit: "%{LEL}"
      limits: {blue: 10, red: 0.5}
    basis:
      - {mark: S, source: "read: x #1"}
      - {mark: P, source: "a long text that does not fit beside the mark of the line because it is long"}
`);
});

test("what may only be written where it is meant is left out where it is the default", () => {
  const suppressed_by = [{ rule: "gateway-silent", per: "attributes.gateway", up_to: "orange" }];
  const text = packText(
    pack([{ rule: "r", suppressed_by, limits: { red: { attribute: "high", factor: 1, offset: 0 } } }]),
  );
  expect(text).toContain("suppressed_by:\n      - {rule: gateway-silent, per: attributes.gateway}");
  expect(text).toContain("red: {attribute: high}");
});

test("texts that YAML takes for something else are quoted, and numbers keep being numbers", () => {
  const text = packText(
    pack([{ rule: "r", on: "yes", attributes: { place: "no", level: "1" }, tiny: 1e-7, large: 2.5e21 }]),
  );
  expect(text).toContain('"on": "yes"');
  expect(text).toContain('{place: "no", level: "1"}');
  expect(text).toContain("tiny: 1.0e-7");
  expect(text).toContain("large: 2.5e+21");
});

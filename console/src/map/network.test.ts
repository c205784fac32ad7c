import { describe, expect, it } from "vitest";
import { footholdOf, type Link, type Network, trace } from "./network";

/** a → b → c → d, and a short cut b → d, which is longer; e → c comes in from the side. */
function sewers(): Network {
  const link = (name: string, from_node: string, to_node: string, length_m: number): Link => ({
    link: name,
    from_node,
    to_node,
    kind: "sewer",
    line: [
      [98, 39],
      [98.001, 39],
    ],
    length_m,
  });
  const links = [
    link("ab", "a", "b", 100),
    link("bc", "b", "c", 50),
    link("cd", "c", "d", 50),
    link("bd", "b", "d", 300),
    link("ec", "e", "c", 10),
  ];
  const nodes = ["a", "b", "c", "d", "e"].map((node, place) => ({
    node,
    kind: "manhole",
    position: [98 + place / 1000, 39] as const,
  }));
  return {
    medium: "drainage",
    nodes: new Map(nodes.map((one) => [one.node, one])),
    links: new Map(links.map((one) => [one.link, one])),
    isCut: false,
  };
}

describe("a trace", () => {
  it("goes with the flow, the nearest first, by the shortest way", () => {
    const found = trace(sewers(), "a", "downstream", 1000);
    expect([...found.nodes]).toEqual([
      ["a", 0],
      ["b", 100],
      ["c", 150],
      ["d", 200],
    ]);
    expect([...found.links].sort()).toEqual(["ab", "bc", "bd", "cd"]);
    expect(found.length_m).toBe(500);
    expect(found.isCut).toBe(false);
  });
  it("goes against the flow", () => {
    expect([...trace(sewers(), "c", "upstream", 1000).nodes]).toEqual([
      ["c", 0],
      ["e", 10],
      ["b", 50],
      ["a", 150],
    ]);
  });
  it("begins at the far end of a link", () => {
    expect([...trace(sewers(), "bc", "downstream", 1000).nodes.keys()]).toEqual(["c", "d"]);
    expect([...trace(sewers(), "bc", "upstream", 1000).nodes.keys()]).toEqual(["b", "a"]);
  });
  it("says when it stopped at a limit", () => {
    const near = trace(sewers(), "a", "downstream", 120);
    expect([...near.nodes.keys()]).toEqual(["a", "b"]);
    expect(near.isCut).toBe(true);
    const few = trace(sewers(), "a", "downstream", 1000, 2);
    expect(few.links.size).toBe(2);
    expect(few.isCut).toBe(true);
  });
  it("walks a loop once", () => {
    const network = sewers();
    const loop = { link: "da", from_node: "d", to_node: "a", kind: "sewer", line: [], length_m: 10 };
    const looped = { ...network, links: new Map([...network.links, ["da", loop]]) };
    expect(trace(looped, "a", "downstream", 10_000).nodes.size).toBe(4);
  });
  it("of what is not there finds nothing", () => {
    expect(trace(sewers(), "x", "downstream", 1000).nodes.size).toBe(0);
  });
});

describe("where a sensor stands", () => {
  const gas: Network = {
    medium: "gas",
    nodes: new Map([["g", { node: "g", kind: "junction", position: [98, 39] as const }]]),
    links: new Map(),
    isCut: false,
  };
  it("is its asset, also in another system's network", () => {
    expect(footholdOf({ system: "gas", asset: "c", position: null }, [gas, sewers()])).toEqual({
      medium: "drainage",
      asset: "c",
      apart_m: 0,
    });
  });
  it("is the nearest node of its own system's network otherwise, if that is near", () => {
    const found = footholdOf({ system: "gas", asset: "house", position: [98.001, 39] }, [gas, sewers()]);
    expect(found?.asset).toBe("g");
    expect(found?.apart_m).toBeCloseTo(86.4, 0);
    expect(footholdOf({ system: "gas", asset: "house", position: [98.1, 39] }, [gas, sewers()])).toBeNull();
    expect(footholdOf({ system: "weather", asset: "w", position: [98, 39] }, [gas, sewers()])).toBeNull();
  });
});

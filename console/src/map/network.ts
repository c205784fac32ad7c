// Pipe networks as the map knows them, and what lies upstream and downstream of a place (as alerts/incidents has it).
export type Position = readonly [number, number];

export interface Node {
  node: string;
  kind: string;
  position: Position | null;
}

export interface Link {
  link: string;
  from_node: string;
  to_node: string;
  kind: string;
  line: readonly Position[];
  length_m: number;
}

export interface Network {
  medium: string;
  nodes: ReadonlyMap<string, Node>;
  links: ReadonlyMap<string, Link>;
  /** There is more of it than was read. */
  isCut: boolean;
}

export type Direction = "upstream" | "downstream";

/** Where something stands on a network; `apart_m` is 0 where it is registered there, else the way to the nearest node. */
export interface Foothold {
  medium: string;
  asset: string;
  apart_m: number;
}

export interface Traced {
  medium: string;
  direction: Direction;
  /** Nodes with the shortest way to each in metres, the nearest first. */
  nodes: Map<string, number>;
  links: Set<string>;
  /** Metres of all links that were traced. */
  length_m: number;
  /** A limit was reached: it goes on beyond. */
  isCut: boolean;
}

const NEAREST_M_MAX = 150;
const LINKS_MAX = 3000;
const EARTH_RADIUS_M = 6_371_008.8;

/** The distance of two places in degrees, on a sphere. */
export function distance(one: Position, other: Position): number {
  const [east, north, east2, north2] = [...one, ...other].map((angle) => (angle * Math.PI) / 180) as [
    number,
    number,
    number,
    number,
  ];
  const half =
    Math.sin((north2 - north) / 2) ** 2 + Math.cos(north) * Math.cos(north2) * Math.sin((east2 - east) / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(half)));
}

export function lengthOf(line: readonly Position[]): number {
  return line.slice(1).reduce((sum, place, before) => sum + distance(line[before] as Position, place), 0);
}

/**
 * Find where a sensor stands: its asset in its own system's network, else in another (a gas head in a sewer), else the
 * nearest node of its own system's network.
 */
export function footholdOf(
  sensor: { system: string; asset: string; position: Position | null },
  networks: readonly Network[],
): Foothold | null {
  const own = networks.filter((network) => network.medium === sensor.system);
  for (const network of [...own, ...networks]) {
    if (sensor.asset && (network.nodes.has(sensor.asset) || network.links.has(sensor.asset))) {
      return { medium: network.medium, asset: sensor.asset, apart_m: 0 };
    }
  }
  let found: Foothold | null = null;
  for (const network of sensor.position ? own : []) {
    for (const node of network.nodes.values()) {
      if (!node.position) continue;
      const apart = distance(sensor.position as Position, node.position);
      if (apart <= NEAREST_M_MAX && (!found || apart < found.apart_m)) {
        found = { medium: network.medium, asset: node.node, apart_m: apart };
      }
    }
  }
  return found;
}

const tables = new WeakMap<Network, Record<Direction, Map<string, Link[]>>>();

function tableOf(network: Network, direction: Direction): Map<string, Link[]> {
  let found = tables.get(network);
  if (!found) {
    found = { upstream: new Map(), downstream: new Map() };
    for (const link of network.links.values()) {
      for (const [table, node] of [
        [found.downstream, link.from_node],
        [found.upstream, link.to_node],
      ] as const) {
        const there = table.get(node);
        if (there) there.push(link);
        else table.set(node, [link]);
      }
    }
    tables.set(network, found);
  }
  return found[direction];
}

/** Walk from an asset along the flow or against it, the nearest first, no further than the limits. */
export function trace(
  network: Network,
  asset: string,
  direction: Direction,
  metresMax: number,
  linksMax = LINKS_MAX,
): Traced {
  const table = tableOf(network, direction);
  const traced: Traced = {
    medium: network.medium,
    direction,
    nodes: new Map(),
    links: new Set(),
    length_m: 0,
    isCut: false,
  };
  const begun = network.links.get(asset);
  const onto = (link: Link) => (direction === "downstream" ? link.to_node : link.from_node);
  const waiting = new Waiting();
  const walk = (link: Link, way: number) => {
    if (traced.links.has(link.link)) return;
    if (way > metresMax || traced.links.size >= linksMax) {
      traced.isCut = true;
      return;
    }
    traced.links.add(link.link);
    traced.length_m += link.length_m;
    waiting.put(way, onto(link));
  };
  if (network.nodes.has(asset)) waiting.put(0, asset);
  else if (begun) walk(begun, 0);
  for (let next = waiting.take(); next; next = waiting.take()) {
    const [way, node] = next;
    if (traced.nodes.has(node)) continue;
    traced.nodes.set(node, way);
    for (const link of table.get(node) ?? []) walk(link, way + link.length_m);
  }
  return traced;
}

/** A heap: the nearest is taken first; of two as near, the first by name. */
class Waiting {
  private readonly heap: [number, string][] = [];

  put(way: number, node: string): void {
    this.heap.push([way, node]);
    for (let at = this.heap.length - 1; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.before(at, above)) break;
      this.swap(at, above);
      at = above;
    }
  }

  take(): [number, string] | undefined {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (this.heap.length && last) {
      this.heap[0] = last;
      for (let at = 0; ; ) {
        let least = at;
        for (const below of [2 * at + 1, 2 * at + 2])
          if (below < this.heap.length && this.before(below, least)) least = below;
        if (least === at) break;
        this.swap(at, least);
        at = least;
      }
    }
    return first;
  }

  private before(one: number, other: number): boolean {
    const [a, b] = [this.heap[one], this.heap[other]] as [[number, string], [number, string]];
    return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
  }

  private swap(one: number, other: number): void {
    const kept = this.heap[one] as [number, string];
    this.heap[one] = this.heap[other] as [number, string];
    this.heap[other] = kept;
  }
}

/** Patterns as IAM writes them: `*` is any run of characters, `?` any one. */

/** More pairs of positions than this is no pattern that a person wrote; the answer is then "not covered", which refuses. */
const MAX_EXPLORED = 2_000;

/** Whether the text has a wildcard. */
export function hasWildcard(text: string): boolean {
  return /[*?]/.test(text);
}

/** Whether the pattern matches the text. */
export function matches(pattern: string, text: string): boolean {
  let [at, star, resumed] = [0, -1, 0];
  for (let i = 0; i < text.length;) {
    if (pattern[at] === "*") {
      star = at++;
      resumed = i;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      // The last star takes one more.
      at = star + 1;
      i = ++resumed;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}

/** Whether there is a text that both match. */
export function overlaps(one: string, other: string): boolean {
  const explored = new Set<string>();
  const open: [number, number][] = [[0, 0]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [i, j] = pair;
    const id = `${i}:${j}`;
    if (explored.has(id)) continue;
    explored.add(id);
    const [a, b] = [one[i], other[j]];
    if (a === undefined && b === undefined) return true;
    if (a === "*" || b === "*") {
      // The star takes nothing, or what stands at the other's place.
      if (a === "*") open.push([i + 1, j], ...(b === undefined ? [] : [[i, j + 1] satisfies [number, number]]));
      if (b === "*") open.push([i, j + 1], ...(a === undefined ? [] : [[i + 1, j] satisfies [number, number]]));
    } else if (a !== undefined && b !== undefined && (a === b || a === "?" || b === "?")) {
      open.push([i + 1, j + 1]);
    }
  }
  return false;
}

/**
 * Whether everything that `inner` matches is matched by `outer` too: language inclusion, decided exactly by walking `inner`
 * beside every position that `outer` could be at. A character that `outer` does not name stands for all of those.
 */
export function covers(outer: string, inner: string): boolean {
  // What stands before the first wildcard of the one, and behind its last, has to stand there in the other: most end here.
  if (!literalStart(inner).startsWith(literalStart(outer)) || !literalEnd(inner).endsWith(literalEnd(outer))) return false;
  const explored = new Set<string>();
  const open: [number, readonly number[]][] = [[0, closure(outer, [0])]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [at, positions] = pair;
    const id = `${at}:${positions.join()}`;
    if (explored.has(id) || matchesAnything(outer, positions)) continue;
    if (positions.length === 0 || explored.size >= MAX_EXPLORED) return false;
    explored.add(id);
    const next = inner[at];
    if (next === undefined) {
      if (!positions.includes(outer.length)) return false;
    } else if (next === "*") {
      open.push([at + 1, positions]);
      for (const character of distinguished(outer, positions)) open.push([at, step(outer, positions, character)]);
    } else if (next === "?") {
      for (const character of distinguished(outer, positions)) open.push([at + 1, step(outer, positions, character)]);
    } else {
      open.push([at + 1, step(outer, positions, next)]);
    }
  }
  return true;
}

function literalStart(pattern: string): string {
  return /^[^*?]*/.exec(pattern)?.[0] ?? "";
}

function literalEnd(pattern: string): string {
  return pattern.slice(Math.max(pattern.lastIndexOf("*"), pattern.lastIndexOf("?")) + 1);
}

/** The characters that the pattern tells apart from here; undefined is any other. */
function distinguished(pattern: string, positions: readonly number[]): Set<string | undefined> {
  const named = positions.map((p) => pattern[p]).filter((c) => c !== "*" && c !== "?");
  return new Set([...named, undefined]);
}

function step(pattern: string, positions: readonly number[], character: string | undefined): readonly number[] {
  const next: number[] = [];
  for (const p of positions) {
    const expected = pattern[p];
    if (expected === "*") next.push(p);
    else if (expected === "?" || (expected !== undefined && expected === character)) next.push(p + 1);
  }
  return closure(pattern, next);
}

/** Adds what a `*` may skip, and drops what lies before the last `*`: that `*` accepts whatever those would. */
function closure(pattern: string, positions: readonly number[]): readonly number[] {
  const all = new Set<number>();
  for (const start of positions) {
    let p = start;
    for (all.add(p); pattern[p] === "*"; all.add(p)) p++;
  }
  const lastStar = Math.max(-1, ...[...all].filter((p) => pattern[p] === "*"));
  return [...all].filter((p) => p >= lastStar).toSorted((a, b) => a - b);
}

function matchesAnything(pattern: string, positions: readonly number[]): boolean {
  return positions.includes(pattern.length - 1) && pattern.endsWith("*");
}

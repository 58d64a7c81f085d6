/** Two texts line by line. */

export interface Pair {
  readonly left: string | undefined;
  readonly right: string | undefined;
}

const MOST = 400;

/** Lines that are equal stand beside each other. */
export function diffLines(left: readonly string[], right: readonly string[]): Pair[] {
  const a = left.slice(0, MOST);
  const b = right.slice(0, MOST);
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    }
  }
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) pairs.push({ left: a[i++], right: b[j++] });
    else if (
      j >= b.length ||
      (i < a.length && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!)
    ) {
      pairs.push({ left: a[i++], right: undefined });
    } else pairs.push({ left: undefined, right: b[j++] });
  }
  return pairs;
}

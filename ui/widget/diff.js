// A word diff: what was taken out of a text and what was put in.

const ALIKE = 0.4; // share of the shorter text's letters
const MOST = 4_000_000; // cells of the table; beyond, the middle is shown as replaced as a whole

export function tokens(text) {
  return text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

// Returns pieces [kind, text] in order, kind one of "same", "out", "in".
export function diff(before, after) {
  const a = tokens(before);
  const b = tokens(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const middle = between(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return joined([["same", a.slice(0, head)], ...readable(middle), ["same", a.slice(a.length - tail)]]);
}

// Texts that share little are easier to read one after the other than word by word; so are changes that only a blank
// keeps apart.
function readable(pieces) {
  const whole = (kind) => pieces.flatMap(([of, list]) => (of === kind || of === "same" ? list : []));
  const letters = (list) => list.join("").replace(/\s/g, "").length;
  const same = pieces.reduce((sum, [kind, list]) => sum + (kind === "same" ? letters(list) : 0), 0);
  if (same < ALIKE * Math.min(letters(whole("out")), letters(whole("in")))) return [["out", whole("out")], ["in", whole("in")]];
  const found = [];
  for (const [kind, list] of gathered(pieces)) {
    const blank = kind === "same" && !letters(list) && found.length;
    found.push(...(blank ? [["out", list], ["in", list]] : [[kind, list]]));
  }
  return gathered(found);
}

// Puts together what stands side by side: of each run of changes, first all that went out, then all that came in.
function gathered(pieces) {
  const found = [];
  let out = [];
  let came = [];
  const settle = () => {
    if (out.length) found.push(["out", out]);
    if (came.length) found.push(["in", came]);
    out = [];
    came = [];
  };
  for (const [kind, list] of pieces) {
    if (kind === "out") out.push(...list);
    else if (kind === "in") came.push(...list);
    else {
      settle();
      if (found.at(-1)?.[0] === "same") found.at(-1)[1].push(...list);
      else found.push([kind, [...list]]);
    }
  }
  settle();
  return found;
}

function between(a, b) {
  if (!a.length || !b.length || a.length * b.length > MOST) return [["out", a], ["in", b]];
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width); // of the common subsequences of a[i:] and b[j:]
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const pieces = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      pieces.push(["same", [a[i]]]);
      i++;
      j++;
    } else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) pieces.push(["out", [a[i++]]]);
    else pieces.push(["in", [b[j++]]]);
  }
  pieces.push(["out", a.slice(i)], ["in", b.slice(j)]);
  return pieces;
}

function joined(pieces) {
  const found = [];
  for (const [kind, list] of pieces) {
    if (!list.length) continue;
    if (found.at(-1)?.[0] === kind) found.at(-1)[1] += list.join("");
    else found.push([kind, list.join("")]);
  }
  return found;
}

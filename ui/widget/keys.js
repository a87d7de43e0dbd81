// Which key does what. Keys can be chosen anew; the choice stays in the browser.

export const ACTS = {
  accept: ["Accept", ["a", "Enter"]],
  reject: ["Reject", ["x"]],
  skip: ["Skip", [" "]],
  edit: ["Edit the stage", ["e"]],
  positive: ["Stage is good", ["1"]],
  neutral: ["Stage is so-so", ["2"]],
  negative: ["Stage is bad", ["3"]],
  next: ["Next stage", ["j", "ArrowDown"]],
  previous: ["Previous stage", ["k", "ArrowUp"]],
  confirm: ["Still right after the edit", ["y"]],
  rewrite: ["Regenerate the stage", ["g"]],
  rewriteOn: ["Regenerate it and all after", ["G"]],
  restore: ["Back to the original text", ["o"]],
  use: ["Use a reviewer's text", ["u"]],
  flag: ["Flag", ["f"]],
  comment: ["Comment", ["c"]],
  undo: ["Undo", ["z", "Backspace"]],
  blind: ["Hide or show the gold answer", ["b"]],
  image: ["Next image", ["n"]],
  reset: ["Reset the zoom", ["0"]],
  guidelines: ["Guidelines", ["i"]],
  help: ["Keys", ["?"]],
};
const SLOT = "curation.keys";
const REPEATS = new Set(["next", "previous"]);

export class Keys {
  constructor() {
    this.own = JSON.parse(localStorage.getItem(SLOT) ?? "{}");
    this.index();
  }

  index() {
    this.acts = new Map();
    for (const act of Object.keys(ACTS)) for (const key of this.of(act)) this.acts.set(key, act);
  }

  of(act) {
    return this.own[act] ? [this.own[act]] : ACTS[act][1];
  }

  key(act) {
    return this.of(act)[0];
  }

  // Gives the act a key of its own; returns what has that key already, undefined where nothing has.
  bind(act, key) {
    const other = this.acts.get(key);
    if (other !== undefined && other !== act) return other;
    this.own[act] = key;
    this.save();
    return undefined;
  }

  forget() {
    this.own = {};
    this.save();
  }

  save() {
    localStorage.setItem(SLOT, JSON.stringify(this.own));
    this.index();
  }

  // Returns what a key press asks for; undefined while somebody types, and for what belongs to the browser.
  act(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return undefined;
    const target = event.composedPath()[0];
    if (typing(target) || (pressing(target) && (event.key === "Enter" || event.key === " "))) return undefined;
    const act = this.acts.get(event.key);
    return event.repeat && !REPEATS.has(act) ? undefined : act;
  }
}

function typing(node) {
  return node instanceof Element && (node.matches("input, textarea, select") || node.isContentEditable);
}

function pressing(node) {
  return node instanceof Element && node.matches("button, a, summary, [role=button], [role=option], [role=menuitem]");
}

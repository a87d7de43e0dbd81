// What opens above the record: a reason, a comment, a price to agree to, the keys, the guidelines.

import { button, h, shownKey } from "./dom.js";
import { ACTS } from "./keys.js";

export const REASONS = [
  "The answer is wrong",
  "Says what the image does not show",
  "The reasoning does not lead to the conclusion",
  "The question or its gold answer is wrong",
  "The image is missing or can't be read",
];

export class Panels {
  constructor(desk) {
    this.desk = desk;
    this.node = h("div", { class: "panel", hidden: true, role: "dialog" });
    this.press = null;
  }

  open(title, children, press) {
    this.node.replaceChildren(h("header", {}, h("b", {}, title), h("span", { class: "room" }), button("Close", "Escape", () => this.close(), { class: "small" })), ...children);
    this.node.hidden = false;
    this.press = press ?? (() => false);
  }

  close() {
    this.node.hidden = true;
    this.node.replaceChildren();
    this.press = null;
  }

  // A key while a panel is open; returns whether it meant something to it.
  key(event) {
    if (this.press === null) return false;
    if (event.key === "Escape") this.close();
    else return this.press(event) !== false;
    return true;
  }

  reason(decide) {
    const take = (text) => {
      if (!text.trim()) return;
      this.close();
      decide(text.trim());
    };
    const list = REASONS.map((reason, i) => button(reason, String(i + 1), () => take(reason), { class: "choice" }));
    const other = line("Another reason, then Enter", take);
    this.open("Why reject it?", [h("div", { class: "list" }, list), other], (event) => {
      if (event.composedPath()[0] === other) return false;
      const reason = REASONS[Number(event.key) - 1];
      if (reason !== undefined) take(reason);
      else other.focus(); // the key is its first letter
      return reason !== undefined;
    });
  }

  comment(say) {
    const field = line("For whoever sees this record next; Enter keeps it", (text) => {
      if (text.trim()) say(text.trim());
      this.close();
    });
    this.open("Comment", [field], () => false);
    field.focus();
  }

  // Money is only spent on a key that was pressed at its price.
  price(title, answer, agree) {
    if (answer.fault) return this.open(title, [h("p", { class: "fault" }, answer.fault)]);
    const pay = () => {
      this.close();
      agree(field.value.trim());
    };
    const field = line("What is wrong with it? Goes to the model; may stay empty", pay);
    const children = [h("p", {}, answer.text), field, h("p", {}, button("Pay and regenerate", "Enter", pay, { class: "main" }))];
    return this.open(title, children, (event) => {
      if (event.key !== "Enter") return false;
      pay();
      return true;
    });
  }

  help() {
    const { keys } = this.desk;
    let bound = null;
    const rows = Object.entries(ACTS).map(([act, [label]]) => {
      const cell = h("span", {}, ...keys.of(act).map((key) => h("kbd", {}, shownKey(key))));
      const wait = () => {
        bound = act;
        cell.replaceChildren(h("em", {}, "press a key…"));
      };
      return h("div", { class: "keyrow" }, h("span", {}, label), cell, button("Change", "", wait, { class: "small" }));
    });
    const note = h("p", { class: "hint" }, "Keys do nothing while you type. Wheel zooms the image, dragging moves it.");
    const again = button("All as they were", "", () => {
      keys.forget();
      this.desk.render();
      this.help();
    });
    const plain = h("a", { href: "/?plain=1" }, "This page without the widget");
    const foot = h("div", { class: "foot" }, again, h("span", { class: "room" }), plain);
    this.open("Keys", [h("div", { class: "keylist" }, rows), note, foot], (event) => {
      if (bound === null) {
        if (keys.act(event) === "help") this.close();
        return this.press === null;
      }
      if (["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return false;
      const taken = keys.bind(bound, event.key);
      if (taken === undefined) {
        this.desk.render();
        this.help();
      } else note.textContent = `${shownKey(event.key)} is the key of “${ACTS[taken][0]}”; press another.`;
      return true;
    });
  }
}

function line(hint, done) {
  const field = h("input", { type: "text", placeholder: hint, dir: "auto", maxlength: "2000" });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return;
    event.stopPropagation();
    if (event.key === "Enter") done(field.value);
  });
  return field;
}

// The guidelines as text: lines that begin with # stand out, and that is all that is made of them.
export function guidelines(text, version) {
  const lines = text.split("\n").map((row) => {
    const heading = row.match(/^#+\s+(.*)/);
    if (heading) return h("h4", { dir: "auto" }, heading[1]);
    const item = row.match(/^\s*[-*]\s+(.*)/);
    return item ? h("div", { class: "item", dir: "auto" }, item[1]) : h("div", { dir: "auto" }, row || "\u00a0");
  });
  return [...lines, h("div", { class: "hint" }, `Version ${version.slice(0, 15)}`)];
}

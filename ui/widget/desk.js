// The desk: the records that are leased to this reviewer, and the one on the screen.

import { button, h } from "./dom.js";
import { Keys } from "./keys.js";
import { Outbox } from "./outbox.js";
import { guidelines, Panels } from "./panels.js";
import { Picture, preload } from "./picture.js";
import { Rail } from "./rail.js";
import { task } from "./task.js";
import { Work } from "./work.js";

const IDLE = 15 * 60 * 1000; // milliseconds

export class Desk {
  constructor(root) {
    this.keys = new Keys();
    this.outbox = new Outbox((message) => this.setStateValue("message", message));
    this.outbox.extra = () => ({ has: Object.fromEntries(this.line.map((key) => [key, this.records.get(key).stamp])) });
    this.picture = new Picture(this.keys);
    this.rail = new Rail(this);
    this.panels = new Panels(this);
    this.records = new Map();
    this.works = new Map();
    this.line = []; // keys of the records: the one on the screen, then those ahead
    this.past = []; // deeds that can be undone, the last one last
    this.decided = 0;
    this.writing = new Set(); // stages that are being written anew
    this.hidden = localStorage.getItem("curation.blind") === "yes";
    this.experience = Number(localStorage.getItem("curation.decided")); // decisions in this browser
    this.build(root);
    this.listen();
  }

  build(root) {
    this.task = h("div", { class: "task" });
    this.bar = h("div", { class: "buttons" });
    this.status = h("div", { class: "status", "aria-live": "polite" });
    this.notices = h("div", { class: "notices", "aria-live": "assertive" });
    this.empty = h("div", { class: "nothing", hidden: true });
    this.guide = h("aside", { class: "guide" });
    this.left = h("div", { class: "left" }, this.task, this.picture.node);
    this.node = h(
      "div",
      { class: "desk" },
      h("main", {}, this.left, this.rail.node, this.guide, this.empty),
      this.panels.node,
      h("footer", {}, this.notices, this.bar, this.status),
    );
    this.guiding(localStorage.getItem("curation.guide") ?? (innerWidth >= 1700 ? "yes" : "no"));
    root.append(this.node);
  }

  listen() {
    this.ending = new AbortController();
    const { signal } = this.ending;
    this.awake = performance.now();
    for (const sign of ["keydown", "pointermove", "wheel"]) {
      window.addEventListener(sign, () => (this.awake = performance.now()), { capture: true, passive: true, signal });
    }
    window.addEventListener("keydown", (event) => this.press(event), { capture: true, signal });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.work?.stop() : this.work?.start()), { signal });
  }

  leave() {
    this.ending.abort();
    this.outbox.close();
    clearInterval(this.beating);
  }

  // Keeps the records for whoever is at the desk; those of somebody who has gone home are for others.
  beat() {
    if (performance.now() - this.awake < IDLE) this.outbox.send();
  }

  // Takes what Python says: answers, records that are leased now, and those that are not any more.
  receive(data, setStateValue) {
    this.setStateValue = setStateValue;
    this.data = data;
    this.rewrites = data.rewrites;
    this.outbox.open(data.reviewer);
    this.beating ??= setInterval(() => this.beat(), data.beat * 1000);
    for (const { done } of this.outbox.receive(data)) {
      if (done.fault) this.notice(`Not kept: ${done.fault}`, true);
      else if (done.records > 1) this.notice(`Undone as one: your bulk action on ${done.records.toLocaleString("en")} records.`);
    }
    const before = this.work?.record;
    for (const record of data.records) this.merge(record);
    for (const key of data.lost) this.lose(key);
    if (data.fault) this.notice(data.fault, true);
    this.guide.replaceChildren(...guidelines(data.guidelines.text, data.guidelines.version));
    if (this.work === undefined || this.works.get(this.line[0]) !== this.work) this.advance();
    else if (this.work.record !== before && !this.rail.editor) this.render();
    else this.bottom();
  }

  merge(record) {
    const known = this.records.get(record.key);
    if (known?.stamp === record.stamp || this.leaving(record.key)) return;
    this.records.set(record.key, record);
    record.urls.forEach(preload);
    if (known?.trace_id !== record.trace_id) this.works.delete(record.key);
    else if (this.works.has(record.key)) this.works.get(record.key).record = record;
    if (this.line.includes(record.key)) return;
    if (record.front) this.line.unshift(record.key);
    else this.line.push(record.key);
  }

  // Whether the last word on a record is a decision that Python has not answered yet.
  leaving(key) {
    const last = this.outbox.deeds.findLast((deed) => keyOf(deed) === key && ["review", "undo"].includes(deed.act));
    return last?.act === "review";
  }

  lose(key) {
    if (!this.line.includes(key)) return;
    const yours = this.data.decided_elsewhere.includes(key);
    const why = yours ? "You decided on this record in another window." : "This record went to somebody else, since it was untouched for too long.";
    if (key === this.line[0]) this.notice(why, !yours);
    this.line = this.line.filter((other) => other !== key);
    this.records.delete(key);
    this.works.delete(key);
  }

  // Puts the first record of the line on the screen.
  advance() {
    this.work?.stop();
    const record = this.records.get(this.line[0]);
    this.work = record && (this.works.get(record.key) ?? new Work(record));
    if (record) {
      this.works.set(record.key, this.work);
      this.writing.clear();
      this.work.seen ||= !this.hidden;
      this.picture.show(record.urls);
      this.work.start();
    }
    this.render();
  }

  render() {
    this.empty.hidden = Boolean(this.work);
    this.left.hidden = this.rail.node.hidden = !this.work;
    if (this.work) {
      this.task.replaceChildren(...task(this).filter(Boolean));
      this.rail.render();
      this.node.dataset.record = this.line[0];
    } else {
      delete this.node.dataset.record;
      const more = this.data.more || this.outbox.waiting;
      this.empty.replaceChildren(
        h("h3", {}, more ? "One moment…" : "Nothing is left here"),
        h("p", {}, more ? "" : "No record that you may decide on is waiting. Another filter may hold some; undo still works."),
      );
    }
    this.bottom();
  }

  bottom() {
    const { keys, work } = this;
    const act = (label, name, properties = {}) =>
      button(label, keys.key(name), () => this.rail.keep() ?? this[name](), { "data-act": name, disabled: !work && name !== "undo", ...properties });
    this.bar.replaceChildren(
      act(work?.edited ? "Accept edit" : "Accept", "accept", { class: "main" }),
      act("Reject", "reject", { class: "no" }),
      act("Skip", "skip"),
      act("Undo", "undo", { disabled: false }),
      act(work?.record.flagged ? "Unflag" : "Flag", "flag"),
      act("Comment", "comment"),
      h("span", { class: "room" }),
      act("Guidelines", "guidelines", { disabled: false }),
      act("Keys", "help", { disabled: false }),
    );
    const waiting = this.outbox.deeds.length + this.outbox.drafts.size;
    this.node.dataset.waiting = String(waiting);
    this.node.dataset.decided = String(this.decided);
    this.status.textContent = [
      this.data.slice && `Only ${this.data.slice}`,
      `${this.decided} decided`,
      `${Math.max(0, this.line.length - 1)} ahead`,
      waiting ? `${waiting} being saved` : "all saved",
      this.data.windows > 1 && "open in another window too",
      this.data.reviewer,
    ]
      .filter(Boolean)
      .join(" · ");
  }

  notice(text, bad = false) {
    const node = h("div", { class: bad ? "notice bad" : "notice" }, text);
    node.addEventListener("click", () => node.remove());
    if (!bad) setTimeout(() => node.remove(), 6000);
    this.notices.append(node);
    while (this.notices.children.length > 4) this.notices.firstChild.remove();
  }

  press(event) {
    if (!this.node.isConnected || foreign(event)) return;
    if (this.panels.key(event)) return swallow(event);
    if (this.panels.press !== null) return undefined;
    const act = this.keys.act(event);
    if (act === undefined) return undefined;
    swallow(event);
    if (this.work || ["undo", "help", "guidelines"].includes(act)) this[act]();
    return undefined;
  }
}

function keyOf({ sample_id, turn }) {
  return `${turn} ${sample_id}`;
}

function swallow(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

// A dialog or a menu of Streamlit's own has the keys while it is open.
function foreign(event) {
  return event.composedPath().some((node) => node.matches?.("[data-testid=stDialog], [data-baseweb=popover], [data-testid=stMainMenuPopover]"));
}

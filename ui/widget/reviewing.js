// What the keys do to the record on the screen; each method is named as its key is in keys.js.

import { h } from "./dom.js";
import { Desk } from "./desk.js";
import { task } from "./task.js";
import { STAGES } from "./work.js";

const REMEMBERED = 50; // deeds that can be undone without asking the server for the record

export class Reviewing extends Desk {
  accept() {
    const { work } = this;
    if (work.stale.size && !work.warned) {
      work.warned = true;
      this.goTo(STAGES.find((stage) => work.stale.has(stage)));
      const still = this.keys.key("confirm");
      return this.notice(`Later stages rest on the text that you changed: look at each again. ${still}: it is still right. ${this.keys.key("accept")} once more: accept, and leave that to somebody else.`);
    }
    return this.decide(work.edited ? "edit" : "accept");
  }

  reject() {
    this.panels.reason((text) => this.decide("reject", text));
  }

  skip() {
    this.decide("skip");
  }

  decide(decision, text = "") {
    const { work } = this;
    const edit = decision === "edit";
    work.stop();
    const deed = {
      act: "review",
      decision,
      text,
      trace_id: work.record.trace_id,
      verdicts: work.verdicts,
      wrong_steps: work.wrongSteps,
      texts: edit ? work.texts : {},
      calls: edit ? work.calls : [],
      stale: edit ? [...work.stale] : [],
      seconds: work.seconds,
      blind: !work.seen,
    };
    this.line.shift();
    this.decided += 1;
    localStorage.setItem("curation.decided", String((this.experience += 1)));
    this.outbox.drafts.delete(work.record.key);
    this.records.delete(work.record.key);
    this.works.delete(work.record.key);
    this.tell(deed, work.record, work);
    this.advance();
  }

  tell(deed, record, work) {
    const whole = this.outbox.add({ ...deed, sample_id: record.sample_id, turn: record.turn });
    this.past.push({ deed: whole, record, work });
    if (this.past.length > REMEMBERED) this.past.shift();
  }

  undo() {
    const last = this.past.pop();
    if (last === undefined) {
      this.outbox.add({ act: "undo" });
      return this.notice("Undoing what you did last, before this page was opened…");
    }
    const { deed, record, work } = last;
    this.outbox.add({ act: "undo", undoes: deed.id, sample_id: record.sample_id, turn: record.turn });
    if (deed.act === "review") this.back(record, work);
    else if (deed.act !== "comment") this.mark(record, deed.act === "unflag");
    return this.notice(`Undone: ${deed.decision ?? deed.act}`);
  }

  back(record, work) {
    this.decided -= 1;
    this.records.set(record.key, record);
    this.works.set(record.key, work);
    this.line = [record.key, ...this.line.filter((key) => key !== record.key)];
    this.advance();
  }

  mark(record, flagged) {
    record.flagged = flagged;
    if (record === this.work?.record) this.render();
  }

  flag() {
    const { record } = this.work;
    this.tell({ act: record.flagged ? "unflag" : "flag" }, record);
    this.mark(record, !record.flagged);
  }

  comment() {
    const { record } = this.work;
    this.panels.comment((text) => {
      this.tell({ act: "comment", text }, record);
      this.notice("Comment kept.");
      this.bottom();
    });
  }

  goTo(stage) {
    if (stage === this.work.active || this.rail.editor) return;
    this.work.active = stage;
    this.rail.render();
  }

  at(stage) {
    this.rail.keep();
    this.work.active = stage;
    return this;
  }

  next() {
    this.work.move(1);
    this.rail.render();
  }

  previous() {
    this.work.move(-1);
    this.rail.render();
  }

  judge(verdict) {
    const { work } = this;
    work.judge(work.active, verdict);
    if (work.verdicts[work.active]) work.move(1);
    this.changed();
  }

  name(step) {
    this.work.name(step);
    this.changed();
  }

  positive() {
    this.judge("positive");
  }

  neutral() {
    this.judge("neutral");
  }

  negative() {
    this.judge("negative");
  }

  confirm() {
    this.work.stale.delete(this.work.active);
    if (this.work.stale.size) this.work.active = STAGES.find((stage) => this.work.stale.has(stage));
    this.changed();
  }

  edit() {
    if (!this.rail.editor) this.rail.render();
    this.rail.edit();
  }

  edited(stage, text) {
    this.work.write(stage, text);
    this.changed();
  }

  take(text) {
    this.edited(this.work.active, text);
  }

  // The next reviewer's text of the stage, and after the last the original again.
  use() {
    const { work } = this;
    const texts = [work.record.stages, ...work.record.opinions.map((opinion) => opinion.stages).filter(Boolean)];
    const own = texts.map((stages) => stages[work.active]);
    if (own.length > 1) this.take(own[(own.lastIndexOf(work.text(work.active)) + 1) % own.length]);
  }

  restore() {
    this.take(this.work.record.stages[this.work.active]);
  }

  changed() {
    this.outbox.draft(this.work.record, this.work.draft());
    this.rail.render();
    this.bottom();
  }

  rewrite() {
    this.price([this.work.active]);
  }

  rewriteOn() {
    this.price(STAGES.slice(STAGES.indexOf(this.work.active)));
  }

  price(stages) {
    if (!this.rewrites || this.writing.size) return;
    const { work } = this;
    const { sample_id, turn, trace_id } = work.record;
    const about = { sample_id, turn, trace_id, stages, texts: work.texts };
    const title = `Regenerate ${stages.join(", ")}`;
    this.panels.open(title, [h("p", {}, "What would it cost…")]);
    this.outbox.ask({ act: "price", ...about }, (answer) => {
      if (work === this.work && this.panels.press) this.panels.price(title, answer, (words) => this.pay(work, { ...about, words }));
    });
  }

  pay(work, about) {
    this.writing = new Set(about.stages);
    this.rail.render();
    this.outbox.ask({ act: "rewrite", ...about }, (answer) => {
      if (work === this.work) this.writing.clear();
      if (answer.fault) this.notice(answer.fault, true);
      else {
        work.calls.push(...answer.calls);
        this.notice(answer.text);
      }
      for (const stage of STAGES) if (answer.texts?.[stage]) work.write(stage, answer.texts[stage]);
      for (const stage of about.stages) work.stale.delete(stage);
      if (work === this.work) this.changed();
    });
  }

  blind() {
    this.hidden = !this.hidden;
    this.work.seen ||= !this.hidden;
    localStorage.setItem("curation.blind", this.hidden ? "yes" : "no");
    this.task.replaceChildren(...task(this).filter(Boolean));
  }

  image() {
    this.picture.next();
  }

  reset() {
    this.picture.reset();
  }

  guiding(choice) {
    this.guide.hidden = choice !== "yes";
  }

  guidelines() {
    const choice = this.guide.hidden ? "yes" : "no";
    localStorage.setItem("curation.guide", choice);
    this.guiding(choice);
  }

  help() {
    this.panels.help();
  }
}

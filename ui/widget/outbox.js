// Deeds on their way to Python: in order, told again until each is answered, kept over a reload of the page.

import { newId } from "./dom.js";

const AGAIN = 2500; // milliseconds without an answer

export class Outbox {
  constructor(tell) {
    this.tell = tell; // (message) => void
    this.seq = Date.now(); // greater than what an earlier page of this session sent
    this.asked = 0; // the message that is on its way, 0 for none
    this.more = false; // whether there is more to say once it is answered
    this.deeds = [];
    this.asks = new Map();
    this.drafts = new Map();
    this.extra = () => ({});
    this.timer = null;
    this.later = null;
  }

  // Deeds that an earlier page left unanswered come first.
  open(reviewer) {
    if (this.slot) return;
    this.slot = `curation.outbox.${reviewer}`;
    this.deeds.unshift(...JSON.parse(sessionStorage.getItem(this.slot) ?? "[]"));
    if (this.deeds.length) this.send();
  }

  add(deed) {
    const whole = { id: newId(), ...deed };
    this.deeds.push(whole);
    this.keep();
    this.send();
    return whole;
  }

  ask(question, answered) {
    const id = newId();
    this.asks.set(id, { question: { id, ...question }, answered });
    this.send();
  }

  // One message at a time: Streamlit stops working on one when the next comes, and its answer is lost.
  send() {
    if (this.asked) this.more = true;
    else this.say();
  }

  say() {
    this.more = false;
    const drafts = [...this.drafts.values()];
    const asks = [...this.asks.values()].map((ask) => ask.question);
    this.asked = ++this.seq;
    this.tell({ seq: this.seq, deeds: this.deeds, asks, drafts, ...this.extra() });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.say(), AGAIN);
  }

  // The last message is answered; says what has come up since, and asks again for what takes a while.
  settle() {
    this.asked = 0;
    clearTimeout(this.timer);
    if (this.more) this.timer = setTimeout(() => this.say(), 0);
    else if (this.asks.size) this.timer = setTimeout(() => this.send(), 400);
    else if (this.waiting) this.timer = setTimeout(() => this.send(), AGAIN);
  }

  get waiting() {
    return this.deeds.length + this.asks.size + this.drafts.size > 0;
  }

  // Takes Python's answers; returns those of deeds that were waited for.
  receive(data) {
    const told = new Map(data.done.map((done) => [done.id, done]));
    const answered = this.deeds.filter((deed) => told.has(deed.id));
    this.deeds = this.deeds.filter((deed) => !told.has(deed.id));
    if (answered.length) this.keep();
    for (const [id, answer] of Object.entries(data.answers)) {
      this.asks.get(id)?.answered(answer);
      this.asks.delete(id);
    }
    for (const [key, draft] of this.drafts) if (draft.seq <= data.seq) this.drafts.delete(key);
    if (data.seq >= this.asked) this.settle();
    return answered.map((deed) => ({ deed, done: told.get(deed.id) }));
  }

  draft(record, draft) {
    this.drafts.set(record.key, { sample_id: record.sample_id, turn: record.turn, draft, seq: this.seq + 1 });
    clearTimeout(this.later);
    this.later = setTimeout(() => this.send(), 600);
  }

  keep() {
    if (this.slot) sessionStorage.setItem(this.slot, JSON.stringify(this.deeds));
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.later);
  }
}

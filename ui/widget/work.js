// What a reviewer has done to the record on the screen, and not decided yet.

export const STAGES = ["summary", "caption", "reasoning", "conclusion"];
export const VERDICTS = ["positive", "neutral", "negative"];

export class Work {
  constructor(record) {
    const draft = record.draft?.trace_id === record.trace_id ? record.draft : null;
    this.record = record;
    this.verdicts = { ...draft?.verdicts };
    this.texts = { ...draft?.texts };
    this.stale = new Set(draft?.stale);
    this.wrong = new Set(draft?.wrong_steps); // steps of the reasoning, by number
    this.calls = [...(draft?.calls ?? [])];
    this.before = draft?.seconds ?? 0;
    this.spent = 0;
    this.since = null;
    this.active = STAGES.find((stage) => record.issues.some((issue) => issue.stage === stage)) ?? STAGES[0];
    this.warned = false;
    this.seen = false; // the gold answer
  }

  text(stage) {
    return this.texts[stage] ?? this.record.stages[stage];
  }

  get edited() {
    return Object.keys(this.texts).length > 0;
  }

  get begun() {
    return this.edited || Object.keys(this.verdicts).length > 0;
  }

  // Takes a stage's new text; whatever comes after it rests on words that are no longer there.
  write(stage, text) {
    const kept = text.trim();
    if (!kept || kept === this.text(stage)) return false;
    if (kept === this.record.stages[stage].trim()) delete this.texts[stage];
    else this.texts[stage] = kept;
    this.stale.delete(stage);
    for (const later of STAGES.slice(STAGES.indexOf(stage) + 1)) this.stale.add(later);
    if (!this.edited) this.stale.clear();
    this.warned = false;
    return true;
  }

  judge(stage, verdict) {
    if (this.verdicts[stage] === verdict && !this.stale.has(stage)) delete this.verdicts[stage];
    else this.verdicts[stage] = verdict;
    this.stale.delete(stage);
  }

  // Names a step as wrong, or takes that back.
  name(step) {
    if (!this.wrong.delete(step)) this.wrong.add(step);
  }

  // The steps can be named where the reasoning is bad.
  get steps() {
    return this.verdicts.reasoning === "negative" ? this.record.steps : [];
  }

  get wrongSteps() {
    return this.steps.length ? [...this.wrong].sort((one, other) => one - other) : [];
  }

  move(by) {
    const at = STAGES.indexOf(this.active) + by;
    this.active = STAGES[Math.min(STAGES.length - 1, Math.max(0, at))];
  }

  // The clock runs while the record can be seen.
  start() {
    if (this.since === null && !document.hidden) this.since = performance.now();
  }

  stop() {
    if (this.since !== null) this.spent += (performance.now() - this.since) / 1000;
    this.since = null;
  }

  get seconds() {
    return this.before + this.spent + (this.since === null ? 0 : (performance.now() - this.since) / 1000);
  }

  draft() {
    if (!this.begun) return null;
    const { verdicts, texts, calls, seconds } = this;
    const { trace_id } = this.record;
    return { trace_id, verdicts, texts, calls, stale: [...this.stale], wrong_steps: [...this.wrong], seconds };
  }
}

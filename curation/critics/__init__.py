"""A model that judges finished traces: what it is asked, what it is shown, and what its answer has to be.

Not to be mixed up with `curation.judges`, by which a search chooses among candidates while an answer is written. A
critic sees a trace that is done, with its question, image and standard answer, and says of each stage and of each step
of the reasoning whether it is good. What comes from data sets and models stands in a fence (`prompts.fence`), the steps
are cut by us (`schemas.steps`), and an answer that can't be read, or that says what can't be, is no verdict
(`reading`).
"""

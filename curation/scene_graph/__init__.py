"""Drawn scenes with exact ground truth: what is in them, their picture, questions about them and their true traces.

    scene = objects.draw(rng, 2, 5)              what stands where
    data = picture.to_png(scene)                 64 x 64 pixels; the file says in a text chunk what it shows
    question = questions.draw(scene.rows, rng)
    traces.stages(scene.rows, question)          the four stages that are right

Texts are a small formal language in English: what is written is read back (`questions.parse`, `traces.parse_caption`,
`traces.conclude`), so that a trace can be checked step by step without the scene.
"""

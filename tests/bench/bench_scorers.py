"""How fast the scorers and the extractor are, and whether they agree with the scripts of the metrics' owners.

    python tests/bench/bench_scorers.py [--pairs 1000000] [--only NAME ...] [--official FOLDER] [--agree 20000]

The first table gives pairs a second: of `score` on bare answers, half of them right, and of `mark` on the same answers
written as people write them. Pairs are drawn anew, so that nothing is cached but what a real file would repeat.

The second table is of answers that both we and the owners' script score, and says what every difference comes from; a
difference without a reason is printed. FOLDER holds the scripts, as whoever runs this has fetched them; of each only
the functions named here are run:

    infographicsvqa_eval.py  https://rrc.cvc.uab.es/?ch=17&com=downloads, also in QwenLM/Qwen-VL, eval_mm/
    metrics.py               google-research/pix2struct, pix2struct/
    eval_predictions.py      allenai/aokvqa, evaluation/
    matching_util.py         open-compass/VLMEvalKit, vlmeval/utils/
    vqa_eval.py              open-compass/VLMEvalKit, vlmeval/dataset/utils/
    chartqa_utils.py         EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/chartqa/utils.py
    run_gpt3.py              lupantech/ScienceQA, models/
    calculate_score.py       lupantech/MathVista, evaluation/

`math-verify`, where it is installed, is what `numeric` is compared with. PISC's script counts within the loop that runs
its network, in Python 2, and CLEVR has none: of these, nothing can be run.
"""

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import harness
import scorers_official as official
import scorers_toolkits as toolkits

from curation import scorers
from schemas.sample import Turn

WORDS = [
    "red",
    "blue",
    "dog",
    "cat",
    "table",
    "annual",
    "report",
    "Philip",
    "Morris",
    "total",
    "sales",
    "company",
    "water",
]
RELATIONS = ("friends", "family", "couple", "professional", "commercial", "no relation")
CLEVR = ["yes", "no", "red", "cyan", "cube", "sphere", "large", "small", "metal", "rubber", *map(str, range(11))]
WAYS = ["{}", "{}.", "The answer is {}.", "**{}**", "It is {}", "So the final answer is: {}", "\\boxed{{{}}}", "x = {}"]
BATCH = 10_000


class Pair(NamedTuple):
    """An answer and what it is scored against."""

    prediction: str
    turn: Turn


Draw = Callable[[random.Random], tuple[str, str, tuple[str, ...]]]


def text(draw: random.Random) -> tuple[str, str, tuple[str, ...]]:
    """Draw words or an amount, misread in a few letters, or another."""
    target = (
        " ".join(draw.choices(WORDS, k=draw.randint(1, 4))) if draw.random() < 0.6 else f"${draw.randint(1, 99999):,}"
    )
    kind = draw.random()
    if kind < 0.4:
        return draw.choice([target, target.upper(), f" {target}", target + "."]), target, ()
    if kind < 0.8:
        edits = draw.randint(1, max(1, len(target) * 2 // 3))
        letters = list(target)
        for _ in range(edits):
            letters[draw.randrange(len(letters))] = draw.choice("abcde $,.")
        return "".join(letters), target, ()
    return draw.choice(WORDS), target, ()


def label(draw: random.Random) -> tuple[str, str, tuple[str, ...]]:
    """Draw a label of a chart: a number, a share, a year, yes or no, or words."""
    value = draw.choice([draw.uniform(0, 100), draw.randint(0, 5), draw.randint(1900, 2030), draw.randint(0, 10**6)])
    number = f"{value:.2f}" if isinstance(value, float) else str(value)
    target = draw.choice([number, number, f"{number}%", draw.choice(["Yes", "No"]), draw.choice(WORDS), "[a, b]"])
    try:
        off = f"{float(target.rstrip('%')) * draw.uniform(0.93, 1.07):.3f}" + "%" * target.endswith("%")
    except ValueError:
        off = draw.choice(WORDS)
    return draw.choice([target, target.lower(), off, off, f"{target}%", f"{value:,}"]), target, ()


def option(draw: random.Random) -> tuple[str, str, tuple[str, ...]]:
    """Draw an option of four, by letter or by text; a few questions have an option twice."""
    choices = tuple(" ".join(draw.choices(WORDS, k=draw.randint(1, 3))) for _ in "ABCD")
    said = draw.randrange(4)
    return draw.choice(["ABCD"[said], choices[said]]), "ABCD"[draw.randrange(4)], choices


def relation(draw: random.Random) -> tuple[str, str, tuple[str, ...]]:
    """Draw a class."""
    return draw.choice(RELATIONS), draw.choice(RELATIONS), RELATIONS


def given(draw: random.Random) -> tuple[str, str, tuple[str, ...]]:
    """Draw a direct answer."""
    return draw.choice(WORDS), draw.choice(WORDS), ()


def clevr(draw: random.Random) -> tuple[str, str, tuple[str, ...]]:
    """Draw an answer of CLEVR."""
    target = draw.choice(CLEVR)
    return draw.choice([target, draw.choice(CLEVR)]), target, ()


def said(draw: random.Random) -> tuple[str, str, tuple[str, ...]]:
    """Draw yes or no."""
    return draw.choice(["Yes", "no", "yes."]), draw.choice(["Yes", "No"]), ()


def quantity(draw: random.Random) -> tuple[str, str, tuple[str, ...]]:
    """Draw a quantity of school geometry, in the same or in another notation, or another one."""
    whole, root, part = draw.randint(1, 60), draw.choice([2, 3, 5]), draw.choice([2, 3, 4, 7])
    unit = draw.choice(["cm", "m", "°", "", "米"])
    forms = [
        (f"{whole}{unit}", f"{whole} {unit}", f"{whole}"),
        (f"{whole}√{{{root}}}{unit}", f"{whole * root**0.5:.4f}{unit}", f"{whole}\\sqrt{{{root}}}"),
        (f"\\frac{{{whole}}}{{{part}}}{unit}", f"{whole}/{part}", f"{whole / part:.4f}{unit}"),
        (f"{whole}π{unit}", f"{whole}\\pi", f"{whole * 3.14159265:.4f}{unit}"),
    ]
    target, *same = draw.choice(forms)
    return draw.choice([target, *same, f"{whole + 1}{unit}", f"\\frac{{{whole + 1}}}{{{part}}}"]), target, ()


DRAWS: dict[str, Draw] = {
    "anls": text,
    "class-recall": relation,
    "clevr": clevr,
    "direct-answer": given,
    "exact-match": given,
    "multiple-choice": option,
    "numeric": quantity,
    "relaxed-accuracy": label,
    "yes-no": said,
}


def pairs(name: str, count: int, seed: int = 0) -> Iterator[Pair]:
    """Draw pairs of the metric's kind."""
    draw = random.Random(seed)
    for _ in range(count):
        prediction, target, choices = DRAWS[name](draw)
        targets = (target,) * 3 if name == "direct-answer" else (target,)
        yield Pair(prediction, Turn.model_construct(question="?", targets=targets, choices=choices, scorer=name))


def rates(name: str, count: int) -> tuple[str, ...]:
    """Return how many pairs a second are scored bare, and marked as they are written; in batches, for the memory."""
    score, draw, bare, free, unparsed = scorers.get(name).score, random.Random(1), 0.0, 0.0, 0
    for start in range(0, count, BATCH):
        batch = list(pairs(name, min(BATCH, count - start), start))
        written = [draw.choice(WAYS).format(pair.prediction) for pair in batch]
        started = time.process_time()
        for pair in batch:
            score(pair.prediction, pair.turn)
        middle = time.process_time()
        marks = [scorers.mark(conclusion, pair.turn) for conclusion, pair in zip(written, batch, strict=True)]
        bare, free = bare + middle - started, free + time.process_time() - middle
        unparsed += sum(not mark.extracted.parsed for mark in marks)
    return name, f"{count:,}", f"{count / bare:,.0f}", f"{count / free:,.0f}", f"{unparsed / count:.2%}"


Theirs = Callable[[Sequence[Pair]], list[float | None]]
"""Returns what the owners' script gives each pair; None where it fails."""
Reason = Callable[[Pair, float | None], str]
"""Says what a difference comes from; empty where it is not known."""


def agreement(name: str, script: str, theirs: Theirs, reason: Reason, count: int) -> list[tuple[object, ...]]:
    """Return a row for the pairs that agree, and one for each reason of a difference; print those without one."""
    drawn = list(pairs(name, count, seed=7))
    differences: Counter[str] = Counter()
    for pair, value in zip(drawn, theirs(drawn), strict=True):
        ours = scorers.get(name).score(pair.prediction, pair.turn).value
        if value is None or abs(ours - value) > 1e-9:
            why = reason(pair, value) or "NOT EXPLAINED"
            differences[why] += 1
            if why == "NOT EXPLAINED" and differences[why] <= 5:
                print(name, script, pair.prediction, pair.turn.targets, pair.turn.choices, ours, value)
    same = count - differences.total()
    rows: list[tuple[object, ...]] = [(name, script, f"{count:,}", "the same", f"{same:,}")]
    return rows + [(name, script, f"{count:,}", why, f"{number:,}") for why, number in differences.most_common()]


def rrc(script: Path) -> Theirs:
    """Return the challenge's script for DocVQA and InfographicVQA, which reads two files."""
    evaluate = official.functions(
        script, {"levenshtein_distance", "evaluate_method"}, json=json, question_ids_to_exclude=[]
    )["evaluate_method"]

    def values(drawn: Sequence[Pair]) -> list[float | None]:
        truth = [{"questionId": n, "question": "?", "answers": list(pair.turn.targets)} for n, pair in enumerate(drawn)]
        answers = [{"questionId": n, "answer": pair.prediction} for n, pair in enumerate(drawn)]
        with tempfile.TemporaryDirectory() as name:
            files = [Path(name, "truth.json"), Path(name, "answers.json")]
            files[0].write_text(json.dumps({"data": truth}))
            files[1].write_text(json.dumps(answers))
            found = evaluate(*files, SimpleNamespace(answer_types=False, anls_threshold=0.5))["per_sample_result"]
        return [float(found[str(number)]["score"]) for number in range(len(drawn))]

    return values


def pix2struct(script: Path, function: str) -> Theirs:
    """Return a metric of pix2struct, over the best of the targets, in lower case for ANLS."""
    metric = official.functions(script, {function}, editdistance=official.EDITS, Optional=official.ANY)[function]
    lowered = function == "anls_metric"

    def value(pair: Pair) -> float | None:
        words = [pair.prediction, *pair.turn.targets]
        prediction, *targets = [word.lower() for word in words] if lowered else words
        try:
            return float(max(metric(target, prediction) for target in targets))
        except ZeroDivisionError:
            return None

    return lambda drawn: [value(pair) for pair in drawn]


def of_blanks(pair: Pair, value: float | None) -> str:
    """Say why pix2struct's ANLS differs: it keeps blanks, and in its newest form drops a half."""
    if any(" ".join(part.split()) != part for part in (pair.prediction, *pair.turn.targets)):
        return "blanks at the ends or doubled, which pix2struct compares"
    ours = scorers.get("anls").score(pair.prediction, pair.turn).value
    return "exactly 0.5, which its equation drops" if ours == 0.5 and not value else ""


def aokvqa(script: Path, *, multiple_choice: bool) -> Theirs:
    """Return the script of A-OKVQA, one question at a time."""
    evaluate = official.functions(script, {"eval_aokvqa"})["eval_aokvqa"]

    def value(pair: Pair) -> float | None:
        turn, said_ = pair.turn, pair.prediction
        if multiple_choice and said_ in "ABCD":
            said_ = turn.choices["ABCD".index(said_)]  # the script takes texts
        right = "ABCD".index(turn.targets[0]) if multiple_choice else 0
        question = {"choices": list(turn.choices), "direct_answers": list(turn.targets), "correct_choice_idx": right}
        data = {"q": question | {"difficult_direct_answer": False}}
        return float(evaluate(data, {"q": said_}, multiple_choice=multiple_choice)) / 100

    return lambda drawn: [value(pair) for pair in drawn]


def vlmevalkit(script: Path) -> Theirs:
    """Return VLMEvalKit's `can_infer`; what it can't read is wrong, as it is here."""
    names = {"can_infer", "can_infer_option", "can_infer_text", "_VERBOSE_ANSWER_RE"}
    infer = official.functions(script, names)["can_infer"]

    def value(pair: Pair) -> float:
        options = dict(zip("ABCD", pair.turn.choices, strict=True))
        return float(infer(pair.prediction, options) == pair.turn.targets[0])

    return lambda drawn: [value(pair) for pair in drawn]


def of_options(pair: Pair, value: float | None) -> str:
    """Say why VLMEvalKit differs: it has no rule for a text that is an option's, and none for equal options."""
    choices = [choice.lower() for choice in pair.turn.choices]
    if len(set(choices)) < len(choices):
        return "options with the same text, which are one here"
    parts = [choice for choice in choices if choice in pair.prediction.lower()]
    return "an option that holds another's text, and is meant as a whole here" if len(parts) > 1 else ""


def of_notation(pair: Pair, value: float | None) -> str:
    """Say why math-verify differs."""
    both = pair.prediction + pair.turn.targets[0]
    if "." in pair.prediction:
        return "a decimal within 0.001 of a root, a fraction or π: right in GeoQA's script, not the same to math-verify"
    if "√" in both or "sqrt" in both:
        return "`√{3}` beside `\\sqrt{3}`, or a root that it does not read"
    if any(mark in both for mark in ("米", "°", "cm", "m")):
        return "a unit that it does not read, or reads as a variable"
    return "a notation that it does not read" if "π" in both or "\\" in both else ""


def compared(folder: Path | None, count: int, wanted: Callable[[str], bool]) -> Iterator[list[tuple[object, ...]]]:
    """Yield the rows of each comparison whose script is there."""
    plans: list[tuple[str, str, Callable[[Path], Theirs], Reason]] = [
        ("anls", "infographicsvqa_eval.py", rrc, official.none),
        ("anls", "metrics.py", lambda path: pix2struct(path, "anls_metric"), of_blanks),
        ("relaxed-accuracy", "metrics.py", lambda path: pix2struct(path, "relaxed_correctness"), official.none),
        ("direct-answer", "eval_predictions.py", lambda path: aokvqa(path, multiple_choice=False), official.none),
        ("multiple-choice", "eval_predictions.py", lambda path: aokvqa(path, multiple_choice=True), official.none),
        ("multiple-choice", "matching_util.py", vlmevalkit, of_options),
        ("anls", "vqa_eval.py", toolkits.vlmevalkit_anls, official.none),
        ("relaxed-accuracy", "vqa_eval.py", toolkits.vlmevalkit_relaxed, official.none),
        ("relaxed-accuracy", "chartqa_utils.py", toolkits.lmms_eval, official.none),
        ("multiple-choice", "run_gpt3.py", toolkits.scienceqa, toolkits.of_letters),
        ("multiple-choice", "calculate_score.py", toolkits.mathvista, official.none),
    ]
    for name, file, theirs, reason in plans:
        if folder is None or not (folder / file).is_file():
            print(f"{name}: no {file} in --official, not compared")
        elif wanted(name):
            yield agreement(name, file, theirs(folder / file), reason, count)
    verify = official.math_verify()
    if verify is None:
        print("numeric: math-verify is not installed, not compared")
    elif wanted("numeric"):
        theirs_ = [lambda drawn: [verify(pair.prediction, pair.turn.targets[0]) for pair in drawn]]
        yield agreement("numeric", "math-verify", theirs_[0], of_notation, min(count, 2000))


def main() -> None:
    """Measure the scorers, and compare them."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pairs", type=int, default=1_000_000)
    arguments.add_argument("--agree", type=int, default=20_000)
    arguments.add_argument("--only", nargs="+", default=list(DRAWS))
    arguments.add_argument("--official", type=Path)
    options = arguments.parse_args()
    harness.show_machine()
    head = ("scorer", "pairs", "scored a CPU second", "marked a CPU second", "unparsed")
    harness.show(head, [rates(name, options.pairs) for name in DRAWS if name in options.only])
    rows = [row for group in compared(options.official, options.agree, options.only.__contains__) for row in group]
    harness.show(("scorer", "script", "pairs", "what", "count"), rows)


if __name__ == "__main__":
    main()

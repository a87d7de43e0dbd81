"""The objective: which tokens, normalised by what, and its sums for each stage."""

import pytest
import torch
from PIL import Image
from torch.nn import functional

from curation.families import GROUPS, Example, Size, VisionModel, open_model
from curation.training import objective as objective_module
from curation.training import stage_losses
from curation.training.batches import Member, gather
from curation.training.objective import Objective
from tests import small_models

ANSWERS = (
    "<SUMMARY> I count the red cubes. </SUMMARY>\n\n<CAPTION> Two red cubes. </CAPTION>\n\n"
    "<REASONING> So there are 2. </REASONING>\n\n<CONCLUSION> 2 </CONCLUSION>",
    "<SUMMARY> a blue ball </SUMMARY>\n\n<CAPTION> a ball and a blue cube </CAPTION>\n\n"
    "<REASONING> 1 </REASONING>\n\n<CONCLUSION> 1 </CONCLUSION>",
)


@pytest.fixture(scope="module", params=small_models.FAMILIES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VisionModel:
    return open_model(small_models.folder(request.param, tmp_path_factory.mktemp("model")))


def example(model: VisionModel, answer: str, *, shade: int | None = 40) -> Example:
    images = [] if shade is None else [Image.new("RGB", (64, 48), (shade, 90, 7))]
    prompt = model.renderer.prompt("How many red cubes are there?", [Size(*image.size) for image in images])
    answered = model.renderer.answer(answer)
    pixels = model.renderer.pixels(images) if images else {}
    return Example(prompt + answered.ids, len(prompt), answered.groups, pixels)


def plain_losses(model: VisionModel, of: Example) -> torch.Tensor:
    """Log-likelihoods of the answer from the model's own logits, one example at a time."""
    with torch.no_grad():
        logits = model.model(**model.renderer.collate([of])).logits[0]
    ids = torch.tensor(of.ids)
    return functional.cross_entropy(logits[of.prompt - 1 : -1].float(), ids[of.prompt :], reduction="none")


def test_sums_of_all_stages_are_the_plain_cross_entropy_of_the_answer(model: VisionModel) -> None:
    examples = [
        example(model, ANSWERS[0]),
        example(model, ANSWERS[1], shade=200),
        example(model, ANSWERS[1], shade=None),
    ]
    sums, counts = stage_losses(model, examples)
    for number, one in enumerate(examples):
        plain = plain_losses(model, one)
        assert sums[number].sum() == pytest.approx(plain.sum().item(), rel=2e-5)
        for group in range(len(GROUPS)):
            here = torch.tensor(one.groups) == group
            assert counts[number, group] == here.sum()
            assert sums[number, group] == pytest.approx(plain[here].sum().item(), rel=1e-4, abs=1e-4)


def test_padding_changes_neither_a_loss_nor_a_gradient(model: VisionModel) -> None:
    members = [Member(example(model, ANSWERS[0]), 0), Member(example(model, ANSWERS[1], shade=200), 0)]
    assert len({len(member.example.ids) for member in members}) == 2
    objective = Objective(model.model)
    results = []
    for batches in ([members], [[member] for member in members]):
        made = [gather(model.renderer, batch) for batch in batches]
        losses = torch.cat([objective(batch.inputs, batch.rows, batch.labels) for batch in made])
        losses.sum().backward()
        gradients = {name: p.grad.clone() for name, p in model.model.named_parameters() if p.grad is not None}
        model.model.zero_grad()
        results.append((losses.detach(), gradients))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-5, atol=1e-5)
    scale = max(gradient.abs().max().item() for gradient in results[1][1].values())
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-4, atol=1e-5 * scale)


def test_every_token_of_the_answer_counts_once_and_none_of_the_prompt(model: VisionModel) -> None:
    one, other = example(model, ANSWERS[0]), example(model, ANSWERS[1])
    batch = gather(model.renderer, [Member(one, 0), Member(other, 1)])
    ids = batch.inputs["input_ids"].flatten()
    assert batch.labels.tolist() == one.ids[one.prompt :] + other.ids[other.prompt :]
    assert ids[batch.rows + 1].tolist() == batch.labels.tolist()
    assert (batch.cells // len(GROUPS)).tolist() == [0] * len(one.groups) + [1] * len(other.groups)
    assert (batch.cells % len(GROUPS)).tolist() == one.groups + other.groups


def test_an_example_that_counts_for_nothing_gives_no_loss_and_no_gradient(model: VisionModel) -> None:
    batch = gather(model.renderer, [Member(example(model, ANSWERS[0]), 0, counts=False)])
    losses = Objective(model.model)(batch.inputs, batch.rows, batch.labels)
    losses.sum().backward()
    gradients = [p.grad.abs().max() for p in model.model.parameters() if p.grad is not None]
    model.model.zero_grad()
    assert losses.shape == (0,)
    assert gradients
    assert max(gradients) == 0


def test_logits_are_made_of_kept_rows_only_and_in_chunks(model: VisionModel, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = gather(model.renderer, [Member(example(model, ANSWERS[0]), 0), Member(example(model, ANSWERS[1]), 1)])
    seen: list[int] = []
    head = model.model.get_output_embeddings()
    hook = head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[0]))
    results = []
    for room in (2**26, 7 * head.weight.shape[0]):
        monkeypatch.setattr(objective_module, "_LOGITS", room)
        losses = Objective(model.model)(batch.inputs, batch.rows, batch.labels)
        assert sum(seen) == len(batch.rows)
        assert max(seen) == min(len(batch.rows), room // head.weight.shape[0])
        losses.sum().backward()
        results.append((losses.detach(), head.weight.grad.clone()))
        model.model.zero_grad()
        seen.clear()
    hook.remove()
    torch.testing.assert_close(results[0], results[1], rtol=1e-5, atol=1e-6)

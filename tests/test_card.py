"""The dataset card: what the Hub reads of it, what people read, and that no text of the data has an effect in it."""

import io
import json
from html.parser import HTMLParser

import pytest
import yaml
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image

from curation import export, release
from curation.errors import DataError, MissingError, StoreError, UsageError
from curation.evaluation.summary import Figure, StratumRow, SystemRow
from curation.releases import card, commands
from curation.releases.card import front, leavings, making, markdown, results
from curation.releases.card.examples import MOST_BYTES, examples, thumbnail
from curation.releases.card.mark import is_generated, marked
from curation.releases.card.rows import facts
from curation.releases.card.terms import strictest
from curation.selection import exclusions
from curation.sources import chartqa, geoqa
from curation.store import Store
from curation.store.steps import put_samples, put_traces
from curation.verify import VerifyReport
from exports import Said
from schemas.issue import Issue, Severity
from schemas.sample import Turn
from tests.records import sample, trace
from tests.release_items import REFS, image_folder, item, records
from tests.strategies import any_text, unicode_text

PAGE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TAGS = {
    *(
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "details",
        "em",
        "h1",
        "h2",
        "hr",
        "img",
        "li",
        "p",
        "pre",
        "strong",
        "sub",
    ),
    *("summary", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


@pytest.fixture(params=card.FORMATS)
def form(request):
    return request.param


@pytest.fixture
def built(tmp_path, store, form):
    """A release of all records with its card."""
    return build(tmp_path / "built", records(), store, form)


def build(folder, items, store, form="parquet"):
    config = {"splits": [0.4, 0.3, 0.3], "seed": 1, "select": "clean"}
    release.build(items, folder, form, store, config, {})
    card.write(folder)
    return folder


def text(folder):
    return (folder / "README.md").read_text(encoding="utf-8")


def matter(folder):
    return yaml.safe_load(text(folder).split("---\n")[1])


def licensed(licence, items):
    return [it._replace(sample=it.sample.model_copy(update={"licence": licence})) for it in items]


class Tags(HTMLParser):
    """Collects the tags of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.words = set(), set(), []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.words.append(data)


# What the Hub reads


def test_the_front_matter_says_what_is_in_the_release(built, form):
    said = matter(built)
    assert said["license"] == "unknown"
    assert said["size_categories"] == ["n<1K"]
    assert said["pretty_name"].endswith("ChartQA, PISC, ShareGPT4V and 2 more")
    assert "simulated" in said["tags"]
    ending = "-*.parquet" if form == "parquet" else ".jsonl"
    (default,) = said["configs"]
    assert default["config_name"] == "default"
    splits = {file["split"]: file["path"] for file in default["data_files"]}
    assert list(splits) == ["train", "validation", "test"]
    assert splits["train"] == f"data/train{ending}"


@pytest.mark.filterwarnings("default")
def test_what_the_front_matter_names_is_loaded(built, form, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    loaded = load_dataset(str(built), cache_dir=str(tmp_path / "cache"))
    manifest = release.read_manifest(built)
    assert sum(split.num_rows for split in loaded.values()) == front.rows(manifest)


def test_each_configuration_has_its_files():
    paths = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "excluded.jsonl"]
    paths += ["rejected/test-00000-of-00001.parquet", "preferences/train-00000-of-00001.parquet", "images/00/0.png"]
    files = [{"path": path, "bytes": 1, "digest": "sha256:0"} for path in paths]
    made = {"kind": "release", "format": "parquet", "format_version": 2, "counts": {}, "config": {}, "inputs": {}}
    manifest = release.Manifest.model_validate(made | {"versions": {}, "files": files})
    assert front.configurations(manifest) == {
        "default": {"train": "data/train-*.parquet"},
        "preferences": {"train": "preferences/train-*.parquet"},
        "rejected": {"test": "rejected/test-*.parquet"},
    }


@pytest.mark.parametrize(
    ("licences", "hub", "name"),
    [
        (["Apache-2.0"], "apache-2.0", None),
        (["MIT", "CC BY 4.0", "Apache-2.0"], "cc-by-4.0", None),
        (["CC-BY-4.0", "GPL-3.0"], "gpl-3.0", None),
        (["GPL-3.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"], "cc-by-nc-sa-4.0", None),
        (["CC-BY-NC-SA-4.0", "research only; after registration"], "other", "research-only-after-registration"),
        (["research only", "unknown"], "unknown", None),
        (["not stated by its owners", "see the page, which says a lot of things"], "other", "not-stated-by-its-owners"),
        (["自由"], "other", "unnamed"),
    ],
)
def test_the_strictest_licence_is_that_of_the_whole(licences, hub, name):
    assert strictest(licences)[1:] == (hub, name)


@pytest.mark.parametrize(
    ("count", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**6, "1M<n<10M"), (10**10, "n>1T")],
)
def test_sizes_have_the_names_that_the_hub_gives_them(count, name):
    assert front.size_category(count) == name


# What people read


def test_the_card_has_what_one_asks_of_a_data_set(built):
    said = text(built)
    heads = ["Examples", "What is in it", "How it was made", "Yield by source", "Limits", "Licences", "Citations"]
    assert [line[3:] for line in said.splitlines() if line.startswith("## ")] == heads
    assert "```bibtex\n@" in said
    assert "are simulated: they are for trials, not for training" in said
    assert "| [PISC](https://zenodo.org/records/1059155) | not known | 2 |" in said
    assert "traces of train come from splits that their sources keep for validation or test" in said


def test_examples_have_pictures_that_are_small(built):
    pictures = sorted((built / "card").iterdir())
    assert pictures
    assert all(f'<img src="card/{path.name}"' in text(built) for path in pictures)
    assert sum(path.stat().st_size for path in pictures) < 300_000


def test_what_was_left_out_is_told_by_source(tmp_path, store, form):
    folder = build(tmp_path / "built", records(), store, form)
    lines = [
        {"sample": f"pisc/val/{number}", "rule": rule, "reason": reason}
        for number, (rule, reason) in enumerate(
            [("severity.out", "answer:wrong (error), leakage:answer-known (warning)"), ("cap.source", "too many of it")]
        )
    ]
    (folder / "excluded.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    card.write(folder)
    assert "| PISC | 2 | 3 | 2 | 60.0 % | `answer:wrong` 1, `cap.source` 1, `leakage:answer-known` 1 |" in text(folder)
    assert "| `answer:wrong` | error | 1 | 0 |" in text(folder)


def test_what_checks_found_in_taken_traces_is_told(tmp_path, store):
    """Of every file, and once for a trace that has the same twice."""
    found = [
        Issue(sample_id="x/y/z", code="grounding:number", severity=Severity.WARNING, message=message, version=1)
        for message in ("one", "another")
    ]
    said = [it._replace(said={it.traces[0].id: Said(issues=tuple(found))}) if it.traces else it for it in records()]
    assert len({it.split for it in said if it.traces}) == 3
    assert "| `grounding:number` | warning | 0 | 9 |" in text(build(tmp_path / "built", said, store))


def test_rows_say_the_same_in_both_formats(tmp_path, store):
    one, other = (facts(build(tmp_path / form, records(), store, form), form) for form in ("parquet", "jsonl"))
    assert one.makings == other.makings
    assert one.held_out == other.held_out
    assert one.languages == other.languages == ("en", "zh")
    assert {each[:3] for each in one.owners} == {each[:3] for each in other.owners}
    assert [(each.source, each.key) for each in one.examples] == [(each.source, each.key) for each in other.examples]
    assert examples(one.examples, ["pisc", "zeta"]) == examples(other.examples, ["pisc", "zeta"])


def test_reviews_and_how_far_they_agree_are_told(built):
    figure = {"value": 0.5, "low": 0.25, "high": 0.75, "records": 40, "agreed": 0.9, "reason": ""}
    none = dict.fromkeys(figure) | {"records": 1, "reason": "too few"}
    manifest = json.loads((built / "manifest.json").read_text())
    manifest["counts"] |= {
        "traces_by_review": {"accepted": 4},
        "reviews_by_decision": {"accept": 5, "reject": 1},
        "reviews_by_verdict": {"caption positive": 3, "caption negative": 2},
    }
    manifest["agreement"] = {"caption": none, "decision": figure}
    (built / "manifest.json").write_text(json.dumps(manifest))
    card.write(built)
    for line in (
        "People have reviewed 4 of the traces that were taken: 4 accepted.",
        "Their decisions, on traces that were left out, too: 5 to accept, 1 to reject.",
        "| caption | 3 | 0 | 2 |",
        "| decision | 0.50 [0.25, 0.75] | 40 | 90.0 % |\n| caption | not defined: too few | 1 | – |",
    ):
        assert line in text(built)


def test_the_card_reads_the_files_that_a_selection_leaves():
    assert (leavings.EXCLUDED, making.POLICY) == (exclusions.EXCLUDED, exclusions.POLICY)


def test_kinds_of_which_next_to_nothing_is_left_are_named(built):
    manifest = json.loads((built / "manifest.json").read_text())
    before = {"a level=hard": 30, "a level=easy": 30, "a level=rare": 3, "b type=one": 40, "b type=two": 40}
    left = {"a level=hard": 2, "a level=easy": 28, "a level=rare": 0, "b type=one": 10, "b type=two": 12}
    manifest["counts"] |= {"strata_before": before, "strata": left}
    (built / "manifest.json").write_text(json.dumps(manifest))
    card.write(built)
    assert "next to nothing is left: a level=hard. A model trained" in text(built)


def test_citations_are_told_as_the_samples_have_them(tmp_path, store, form):
    bibtex = "@article{one,\n  title = {One `` two}\n}"
    cited = [
        it._replace(sample=it.sample.model_copy(update={"citation": said}))
        for it, said in zip(records(), [bibtex, *["Two: A *paper*. https://arxiv.org/abs/1234.5_6"] * 8], strict=True)
    ]
    said = text(build(tmp_path / "built", cited, store, form))
    assert "@article{one,\ntitle = {One `` two}\n}\n```" in said
    assert "Two: A \\*paper\\*. https://arxiv.org/abs/1234.5_6" in said


def test_each_source_that_is_known_has_its_bibtex_once_in_place_of_its_words(tmp_path, store, form):
    cited = [it._replace(sample=it.sample.model_copy(update={"citation": chartqa.CITATION})) for it in records()[:2]]
    said = text(build(tmp_path / "built", [*cited, *records()[2:3]], store, form))
    assert f"```bibtex\n{chartqa.BIBTEX.strip()}\n\n{geoqa.BIBTEX.strip()}\n```" in said
    assert said.count("Masry, Ahmed") == 1
    assert "Masry, Long" not in said


def test_the_same_release_has_the_same_card_anywhere(tmp_path, store, form):
    one, other = (build(tmp_path / name, records(), store, form) for name in ("one", "other"))
    assert {name: path.read_bytes() for name, path in release.description(one).items()} == {
        name: path.read_bytes() for name, path in release.description(other).items()
    }
    assert str(tmp_path) not in text(one)


def system(model, mean):
    figure = Figure(mean=mean, low=mean - 0.1, high=mean + 0.1)
    costs = dict.fromkeys(("new_tokens", "judge_tokens", "forward_calls", "images", "seconds"), 1.0)
    return SystemRow(
        model=model,
        search="greedy",
        judge=None,
        questions=40,
        accuracy=figure,
        difference=None,
        any_correct=None,
        unparsed=0,
        follows_form=1.0,
        extracted_by={},
        **costs,
    )


def verified(folder, *systems):
    strata = [
        StratumRow(
            label="source",
            value=source,
            questions=20,
            accuracy=tuple(row.accuracy for row in systems),
            difference=(None,) * len(systems),
            unparsed=(0,) * len(systems),
        )
        for source in ("chartqa", "pisc")
    ]
    given = {"out": folder / "secret", "page": folder / "secret/report.html", "predictions": [], "faults": []}
    report = VerifyReport(questions=40, systems=systems, strata=tuple(strata), **given)
    path = folder / "results.json"
    path.write_text(report.model_dump_json())
    return path


def test_how_models_did_is_told_without_paths_of_a_machine(built, tmp_path):
    config = commands.CardConfig(results=verified(tmp_path, system("curated|run", 0.5), system("raw", 0.4)))
    commands.write_card(built, config=config)
    said = text(built)
    assert "| curated\\|run | greedy | 50.0 [40.0, 60.0] | – | 100.0 |" in said
    assert "| ChartQA | 20 | 50.0 [40.0, 60.0] | 40.0 [30.0, 50.0] |" in said
    assert "secret" not in said


def test_results_on_another_release_are_told_as_such(tmp_path):
    found = results.read(verified(tmp_path, system("curated", 0.5)))
    assert "another release" in results.told(found, "sha256:own")
    assert "another release" not in results.told(found.model_copy(update={"traces": "sha256:own"}), "sha256:own")


def test_results_that_are_none_are_told(built, tmp_path):
    (tmp_path / "other.json").write_text('{"questions": 3}')
    with pytest.raises(DataError, match="not what `verify` writes"):
        results.read(tmp_path / "other.json")
    with pytest.raises(MissingError, match=r"`verify` writes results\.json"):
        results.read(tmp_path / "none.json")


def test_a_format_without_a_card_is_told(tmp_path, store):
    release.build(records(), tmp_path / "out", "csv", store, {}, {})
    with pytest.raises(UsageError, match="the format csv, which has no card: parquet and jsonl have"):
        card.write(tmp_path / "out")
    assert not card.renew(tmp_path / "out", tmp_path / "out")


# What people edit


def test_the_card_is_none_of_the_files(built):
    (built / "card/more.png").write_bytes(b"a picture of ours")
    (built / "README.md").write_text("# Ours\n")
    assert release.check(built) == []
    assert not {entry.path for entry in release.read_manifest(built).files} & release.description(built).keys()


def test_a_link_is_no_part_of_a_card(built, tmp_path):
    (tmp_path / "private").write_text("secret")
    (built / "card/link").symlink_to(tmp_path / "private")
    assert release.check(built) == ["card/link: not a file of its own"]


def test_a_card_that_people_edited_is_not_overwritten(built, tmp_path):
    assert not card.is_edited(built)
    generated = text(built)
    (built / "README.md").write_text(generated.replace("## Limits", "## Our limits"))
    assert card.is_edited(built)
    with pytest.raises(UsageError, match=r"README\.md was edited: --out FILE"):
        commands.write_card(built)
    commands.write_card(built, config=commands.CardConfig(out=tmp_path / "new.md"))
    assert (tmp_path / "new.md").read_text() == generated
    (built / "README.md").unlink()
    commands.write_card(built)
    assert text(built) == generated


def test_a_card_that_people_edited_outlives_a_new_release(built, tmp_path, store, form):
    release.build(records()[:4], tmp_path / "next", form, store, {}, {})
    assert not card.renew(tmp_path / "next", built)
    assert text(tmp_path / "next") != text(built)
    (built / "README.md").write_text("# Ours, with ![a picture](card/01.jpg)\n")
    assert card.renew(tmp_path / "next", built)
    assert text(tmp_path / "next").startswith("# Ours")
    assert (tmp_path / "next/card/01.jpg").read_bytes() == (built / "card/01.jpg").read_bytes()


def test_export_writes_the_card_and_keeps_one_that_people_edited(tmp_path, sqlite):
    made = [trace(f"src/train/{number}", conclusion=f"{number}") for number in range(3)]
    with Store.open(tmp_path / "workspace", create=True) as store_:
        store_.write(put_samples, [sample(one.trace.sample_id) for one in made])
        store_.write(put_traces, made)
    config = export.Config(workspace=tmp_path / "workspace", select="all", out=tmp_path / "out", splits=(1.0,))
    assert not export.run(config=config).card_kept
    assert "3 traces were written by a model" in text(tmp_path / "out")
    assert commands.verify(tmp_path / "out").exit_code == 0
    with (tmp_path / "out/README.md").open("a") as file:
        file.write("More of ours.\n")
    report = export.run(config=config)
    assert report.card_kept
    assert "README.md was edited by people, and stays" in " ".join(report.lines())
    assert text(tmp_path / "out").endswith("More of ours.\n")


@given(any_text, any_text)
def test_a_mark_tells_what_was_edited(one, more):
    made = marked(f"{one}\n").encode()
    assert is_generated(made)
    assert not is_generated(made + b"\n")
    assert not is_generated(made[:-1])
    assert not is_generated(b"x" + made)
    assert not is_generated(more.encode("utf-8", "replace"))


# What is compared with the data


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("license: unknown", "license: mit", "its licence is mit, the strictest of the samples' is unknown"),
        ("- n<1K", "- 1M<n<10M", "its size_categories are ['1M<n<10M'], 11 rows are n<1K"),
        ("config_name: default", "config_name: extra", "its configs lack default"),
        ("path: data/train", "path: data/nothing", "its data_files of default are not those that are there"),
        ("configs:\n", "configs: [{config_name: default, data_files: data/*}]\nothers:\n", "its data_files of default"),
        ("language:", "[: {", "its front matter can't be read (while parsing"),
    ],
)
def test_what_a_card_says_and_the_data_does_not_is_named(tmp_path, store, before, after, said):
    folder = build(tmp_path / "built", records(), store)
    assert list(card.differences(folder)) == []
    assert before in text(folder)
    (folder / "README.md").write_text(text(folder).replace(before, after))
    assert next(card.differences(folder)).startswith(f"README.md: {said}")
    report = commands.verify(folder)
    assert report.exit_code == 1
    assert report.faults == []
    assert f"README.md: {said}" in " ".join(report.lines())


@pytest.mark.parametrize(
    "said",
    [
        "# A page without front matter",
        "---\ntags:\n- ours\n---\n# A page",
        "---\n---\n",
        "---\nlicense: unknown\nsize_categories: n<1K\nextra: {deep: [1, 2]}\n---\n",
    ],
)
def test_what_a_card_does_not_say_is_no_difference(built, said):
    (built / "README.md").write_text(said)
    assert list(card.differences(built)) == []


@pytest.mark.parametrize(
    "said",
    [
        "[" * 400,
        "a: &a [x, x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)),
        "configs: &a [*a]",
        "1: 2\nnull: 3",
        "configs: {a: 1}\nlicense: [1, 2]\nsize_categories: {}",
        "license: !!python/object/apply:os.system ['true']",
        "x" * 200_000,
        "\0",
    ],
)
def test_front_matter_that_was_made_to_do_harm_is_told(tmp_path, store, said):
    folder = build(tmp_path / "built", records()[:2], store)
    (folder / "README.md").write_text(f"---\n{said}\n---\n")
    assert all(len(each) < 300 for each in card.differences(folder))


def test_a_card_that_cannot_be_written_is_told(built, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="can't be written: Is a directory"):
        card.write(built, out=tmp_path / "folder")
    with pytest.raises(StoreError, match="can't be written: No such file"):
        card.write(built, out=tmp_path / "none/card.md")


def test_a_damaged_release_has_no_card(built, form):
    for path in (built / "data").iterdir():
        path.write_bytes(path.read_bytes()[:-9] + b"\xff" * 9)
    with pytest.raises(DataError, match=r"can't be read|is not"):
        card.write(built)


# Texts from the data


@settings(max_examples=60)
@given(any_text)
def test_a_text_in_a_line_is_only_a_text(given_text):
    shown = markdown.words(given_text)
    (paragraph,) = [token for token in PAGE.parse(f"So: {markdown.inline(given_text)}") if token.type == "inline"]
    assert {child.type for child in paragraph.children} <= {"text", "text_special"}
    assert "".join(child.content for child in paragraph.children) == f"So: {shown}".rstrip()


@settings(max_examples=60)
@given(unicode_text.filter(str.strip))
def test_a_text_at_the_beginning_of_a_line_is_only_a_text(given_text):
    shown = markdown.inline(given_text)
    assert [token.type for token in PAGE.parse(shown)] in (["paragraph_open", "inline", "paragraph_close"], [])


@settings(max_examples=60)
@given(any_text, any_text)
def test_a_table_keeps_its_cells(one, other):
    table = markdown.table(("a", "b", "c"), [(markdown.inline(one), markdown.code(other), 1)])
    page = Tags(PAGE.render(table))
    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    tokens = [token.type for token in PAGE.parse(table)]
    assert tokens.count("td_open") == 3


@settings(max_examples=60)
@given(any_text)
def test_a_text_in_html_is_only_a_text(given_text):
    block = f"<table>\n<tr><td>{markdown.html(given_text, 500)}</td></tr>\n</table>"
    assert [token.type for token in PAGE.parse(block)] == ["html_block"]
    assert Tags(block).tags <= {"table", "tr", "td", "br"}


@settings(max_examples=60)
@given(any_text.map(lambda text: text + "```\n````"))
def test_a_block_of_code_ends_where_it_should(given_text):
    assert [token.type for token in PAGE.parse(markdown.fence(given_text.encode("utf-8", "replace").decode()))] == [
        "fence"
    ]


HOSTILE = (
    "---\n# X\n| a | b |\n\n</td></tr></table><script>alert(1)</script>![x](http://x.y/z.png)\n\n```\n"
    "\u202eabc\0 $x$ &lt; <b"
)


@pytest.mark.parametrize("texts", [HOSTILE, "x" * 100_000, "\u200fשלום עולם" * 50, "\0\x1b[31m"])
def test_texts_that_were_made_to_do_harm_are_shown_as_texts(tmp_path, store, form, texts):
    said = {"licence": texts, "citation": texts}
    source = "".join(texts.split())[:40].replace("/", "_") or "x"
    hostile = item(f"{source}/train/1", (Turn(question=texts, targets=(texts,), choices=(texts, "b")),), REFS[:1])
    hostile = hostile._replace(sample=hostile.sample.model_copy(update=said))
    folder = build(tmp_path / "built", [hostile], store, form)
    page = text(folder).split("---\n", 2)[2]
    assert len(page) < 30_000
    assert not set("\0\x1b\u202e") & set(page)
    found = Tags(PAGE.render(page))
    assert found.tags <= TAGS
    assert found.attributes <= {"src", "width", "alt", "valign", "style", "href", "class"}
    assert matter(folder)["license"] == "other"
    assert list(card.differences(folder)) == []


@given(st.binary(max_size=200))
def test_bytes_that_are_no_picture_have_no_thumbnail(data):
    assert thumbnail(data) is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "CMYK", "I;16"])
def test_a_picture_of_any_mode_has_a_thumbnail(mode):
    image = Image.linear_gradient("L")
    file = io.BytesIO()
    (Image.new(mode, image.size) if mode == "I;16" else image.convert(mode)).save(
        file, "JPEG" if mode == "CMYK" else "PNG"
    )
    made = thumbnail(file.getvalue())
    assert made is not None
    assert Image.open(io.BytesIO(made)).mode == "RGB"


def test_a_thumbnail_is_small_and_the_same_each_time():
    file = io.BytesIO()
    Image.effect_noise((600, 500), 90).convert("RGB").save(file, "PNG")
    made = thumbnail(file.getvalue())
    assert made is not None
    assert len(made) <= MOST_BYTES
    assert max(Image.open(io.BytesIO(made)).size) < 440
    assert made == thumbnail(file.getvalue())


def test_a_bomb_has_no_thumbnail():
    file = io.BytesIO()
    Image.new("1", (9000, 9000)).save(file, "PNG")
    assert thumbnail(file.getvalue()) is None

"""Notes become columns: only words of the lists and masks are counted, and every block keeps scikit-learn's contract."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import FeatureUnion
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

from notequality import cues
from notequality.features import CharacterCounts, CueCounts, Shape, WordCounts
from notequality.readings import MAX_ENCODED, Reading, characters_of, encoder_text, read, words_of
from notequality.text import read_note


def readings_of(texts: list[str]) -> list[Reading]:
    return [read(read_note(text)) for text in texts]


TEXTS = [
    "Ciao Marco, ci siamo visti alla fiera di Bari. Piacere!",
    "Ciao Giulia, vorrei ampliare la mia rete. Piacere!",
    "Ciao Luca, offriamo una prova gratis: scrivi a luca@acme.it o chiama +39 333 444 5555. Costa 50 €!",
    "Hi Ana, we met at the fair in Leeds. Would be good to stay in touch.",
    "Hi Wei, I'd like to add you to my professional network. Would be good.",
    "Hi Priya, we help companies like yours: free trial at www.acme.io, 20% off. Would be good?",
]
READINGS = readings_of(TEXTS)
BLOCKS = [WordCounts(), CharacterCounts(), CueCounts(), Shape()]
COUNTED = [WordCounts(), CharacterCounts()]


def named(block: Any) -> str:
    return type(block).__name__


def dense(table: Any) -> np.ndarray[Any, Any]:
    return table.toarray() if sparse.issparse(table) else np.asarray(table)


def counted(text: str) -> list[str]:
    return words_of(readings_of([text])[0])


# What is counted


def test_words_and_pairs_are_counted_with_names_masked() -> None:
    assert counted("Ciao Marco, piacere") == ["ciao", "_name_", ",", "piacere", "ciao _name_", "_name_ ,", ", piacere"]


@pytest.mark.parametrize("word", ["oluwaseun", "zzyzx", "acmecorp", "rossibianchi", "qwertyuiop"])
def test_a_word_that_is_in_no_list_is_never_counted(word: str) -> None:
    words = counted(f"vorrei parlare di {word} con te")
    assert words[:6] == ["vorrei", "parlare", "di", "_unk_", "con", "te"]
    assert not any(word in one for one in words)


def test_no_name_number_or_address_is_counted() -> None:
    words = counted(
        "Ciao Oluwaseun Adeyemi, sono Nnedi di Acme: nnedi@acme.it, www.acme.it, +39 333 444 5555, 50 €, 20%, 7 anni, {nome}"
    )
    assert set(words[: words.index("ciao _name_")]) == {
        *("ciao", "_name_", ",", "sono", "di", ":", "_mail_", "_link_", "_phone_", "_money_", "_pct_", "_num_", "anni", "_field_")
    }


def test_a_fitted_vocabulary_holds_no_name() -> None:
    fitted = WordCounts(min_df=1).fit(READINGS)
    parts = {part for word in fitted.vocabulary_ for part in word.split()}
    assert not parts & {"marco", "giulia", "luca", "ana", "wei", "priya", "bari", "leeds", "acme", "333"}
    assert {"_name_", "_mail_", "_link_", "_phone_", "_money_", "_pct_"} <= parts


def test_characters_are_counted_inside_words_and_never_inside_masks() -> None:
    assert characters_of(readings_of(["Ciao Oluwaseun"])[0]) == [
        *(" c", "ci", "ia", "ao", "o "),
        *(" ci", "cia", "iao", "ao "),
        *(" cia", "ciao", "iao "),
        *(" ciao", "ciao "),
    ]


def test_the_network_reads_one_first_name_for_all_and_no_more_than_its_limit() -> None:
    assert (
        encoder_text(readings_of(["Ciao Oluwaseun Adeyemi, piacere. Anche da Chidinma!"])[0])
        == "ciao marco, piacere. anche da marco!"
    )
    assert encoder_text(readings_of(["Ciao Wei, piacere"])[0]) == "ciao marco, piacere"
    assert len(encoder_text(readings_of(["piacere mio " * 500])[0])) == MAX_ENCODED == 1_000


def test_cue_columns_count_kinds_and_say_each_effect() -> None:
    names = (*cues.EFFECTS, *cues.kinds())
    row = dict(zip(names, dense(CueCounts().transform(READINGS))[3], strict=True))
    assert row["personalised"] == 1
    assert row["spammy"] == 0
    assert row["personalised:personalised-met"] >= 1


def test_cue_columns_are_cut_at_two() -> None:
    text = " ".join(hit for one in cues.rows("en") if one.kind == "spammy-offer" for hit in one.hits)[:3_000]
    readings = readings_of([text])
    assert dense(CueCounts().transform(readings)).max() == 2


def test_shape_columns_are_logarithms_of_counts() -> None:
    row = dense(Shape().transform(readings_of(["Ciao Marco, come va? Ti scrivo! A presto, zzyzx 7"])))[0]
    counts = np.expm1(row / 0.3).round().astype(int).tolist()
    # Characters, tokens, sentences, ?, !; then names, numbers, links, mail, phones, money, percentages, fields, unknown words.
    assert counts == [49, 14, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1]


# scikit-learn's contract


@pytest.mark.parametrize("block", BLOCKS, ids=named)
def test_a_block_keeps_the_contract(block: Any) -> None:
    readings = list(READINGS)
    fresh = clone(block)
    assert fresh is not block
    assert fresh.get_params() == block.get_params()
    assert fresh.fit(readings, ["generic"] * 6) is fresh
    assert fresh.get_params() == block.get_params()
    check_is_fitted(fresh)
    assert readings == READINGS
    first = dense(fresh.transform(readings))
    assert first.shape[0] == len(READINGS)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(dense(clone(block).fit_transform(readings)), first)
    np.testing.assert_array_equal(dense(fresh.fit(readings).transform(readings)), first)
    np.testing.assert_array_equal(dense(pickle.loads(pickle.dumps(fresh)).transform(readings)), first)


@pytest.mark.parametrize("block", BLOCKS, ids=named)
def test_a_row_depends_on_its_own_note_alone(block: Any) -> None:
    fitted = clone(block).fit(READINGS)
    together = dense(fitted.transform(READINGS))
    np.testing.assert_array_equal(dense(fitted.transform(READINGS[::-1]))[::-1], together)
    np.testing.assert_array_equal(np.vstack([dense(fitted.transform([one])) for one in READINGS]), together)


@pytest.mark.parametrize(("block", "columns"), [(CueCounts(), 35), (Shape(), 14)], ids=str)
def test_no_notes_give_no_rows_and_all_columns(block: Any, columns: int) -> None:
    assert block.fit_transform(READINGS).shape == (6, columns)
    assert block.fit_transform([]).shape == (0, columns)


@pytest.mark.parametrize("block", COUNTED, ids=named)
def test_counted_columns_are_the_vocabulary_and_need_a_note(block: Any) -> None:
    fitted = clone(block).fit(READINGS)
    assert fitted.transform(READINGS).shape == (6, len(fitted.vocabulary_))
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        fitted.transform([])


@pytest.mark.parametrize("block", COUNTED, ids=named)
def test_counting_before_fitting_is_refused(block: Any) -> None:
    with pytest.raises(NotFittedError, match="not fitted"):
        clone(block).transform(READINGS)


@pytest.mark.parametrize("block", COUNTED, ids=named)
def test_fitting_on_nothing_is_refused(block: Any) -> None:
    with pytest.raises(ValueError, match="empty vocabulary|no terms remain"):
        clone(block).fit([])


@pytest.mark.parametrize("block", COUNTED, ids=named)
def test_the_smallest_count_is_a_parameter(block: Any) -> None:
    few = clone(block).set_params(min_df=6).fit(READINGS)
    many = clone(block).set_params(min_df=1).fit(READINGS)
    assert 0 < len(few.vocabulary_) < len(many.vocabulary_)


def test_blocks_stand_side_by_side() -> None:
    union = FeatureUnion([(named(block), clone(block)) for block in BLOCKS])
    table = union.fit_transform(READINGS)
    assert table.shape == (6, sum(clone(block).fit_transform(READINGS).shape[1] for block in BLOCKS))


# scikit-learn's own checks. Those below hand over arrays of numbers, and these blocks read notes; what each one is after is said,
# and tested above on notes where it means something for them.
EXCEPTIONS = {
    "check_fit_score_takes_y": "transforms numbers; fitting with labels is tested on notes",
    "check_n_features_in_after_fitting": "counts columns of the input; a note has none",
    "check_n_features_in": "counts columns of the input; a note has none",
    "check_estimators_dtypes": "feeds numbers of several types; the output's type is tested on notes",
    "check_complex_data": "feeds complex numbers",
    "check_dtype_object": "feeds numbers stored as objects",
    "check_estimators_empty_data_messages": "wants an error for no rows; an empty chunk of a batch is no error here",
    "check_pipeline_consistency": "feeds numbers; the union of blocks is tested on notes",
    "check_estimators_nan_inf": "feeds NaN and infinity",
    "check_estimator_sparse_tag": "feeds sparse numbers",
    "check_estimators_pickle": "feeds numbers; pickling is tested on notes",
    "check_f_contiguous_array_estimator": "feeds arrays in column order; notes come as a list",
    "check_transformer_data_not_an_array": "feeds a wrapped array of numbers",
    "check_transformer_general": "feeds numbers; fit_transform against fit and transform is tested on notes",
    "check_transformer_preserve_dtypes": "wants the type of the input's numbers; here it is always float32",
    "check_methods_sample_order_invariance": "feeds numbers; the order of notes is tested",
    "check_methods_subset_invariance": "feeds numbers; notes one by one are tested",
    "check_dict_unchanged": "feeds numbers; nothing is stored but the parameters",
    "check_fit_idempotent": "feeds numbers; fitting twice is tested on notes",
    "check_fit_check_is_fitted": "wants an unfitted state; these blocks learn nothing and are ready at once",
    "check_fit1d": "wants an error for one-dimensional input, which is what a list of notes is",
    "check_fit2d_predict1d": "feeds numbers in two dimensions",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("block", BLOCKS, ids=named)
def test_scikit_learns_checks_pass_but_for_named_exceptions(block: Any) -> None:
    results = check_estimator(clone(block), on_skip=None, on_fail=None)
    failed = {result["check_name"] for result in results if result["status"] == "failed"}
    passed = {result["check_name"] for result in results if result["status"] == "passed"} - failed
    assert failed - set(EXCEPTIONS) == set()
    assert "check_estimator_cloneable" in passed
    if named(block) in ("CueCounts", "Shape"):
        assert {
            "check_no_attributes_set_in_init",
            "check_parameters_default_constructible",
            "check_get_params_invariance",
            "check_set_params",
            "check_dont_overwrite_parameters",
            "check_estimators_fit_returns_self",
            "check_estimators_overwrite_params",
            "check_mixin_order",
            "check_valid_tag_types",
        } <= passed

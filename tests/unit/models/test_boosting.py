from models.boosting import OneThread


class Asked:
    """A booster that tells what it was asked."""

    def predict(self, matrix, **options):
        return matrix, options


def test_few_rows_are_predicted_by_the_thread_that_asks():
    assert OneThread(Asked()).predict("rows", raw_score=True) == ("rows", {"raw_score": True, "num_threads": 1})

"""How long a live answer takes here and now, by placement."""

WEIGHT = 0.1
MARGIN = 1.5
"""Room for answers that take longer than most."""
HOPE = 0.98
"""An estimate that keeps live answers from being tried fades by this factor each time, so that one is tried again."""


class Pace:
    """A moving mean of seconds; a lost update between threads does no harm."""

    def __init__(self) -> None:
        """Expect answers at once until the first one was timed."""
        self._mean: dict[str, float] = {}

    def observe(self, placement: str, seconds: float) -> None:
        """Take the time of one live answer into account."""
        mean = self._mean.get(placement, seconds)
        self._mean[placement] = mean + WEIGHT * (seconds - mean)

    def allows(self, placement: str, left: float) -> bool:
        """Return whether a live answer is likely to be ready in ``left`` seconds."""
        mean = self._mean.get(placement, 0.0)
        if left > MARGIN * mean:
            return left > 0
        self._mean[placement] = HOPE * mean
        return False

"""A made-up locality with known truth: records to run everything on, and the answers beside them."""

from frailty.synthetic.arrays import synthetic_arrays
from frailty.synthetic.locality import LocalitySummary, make_locality
from frailty.synthetic.night import NightSummary, make_night

__all__ = ["LocalitySummary", "NightSummary", "make_locality", "make_night", "synthetic_arrays"]

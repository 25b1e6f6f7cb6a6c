"""HiGHS, called with arrays.

PuLP builds variables one by one, reports a solver that ran out of time as optimal, and cannot go on from a basis.
"""

import numpy as np

from models.budget.arrays import Found, Programme, nothing, without_columns
from models.errors import SolverFailed

TOLERANCE = 1e-9  # of scaled rows and reduced costs; HiGHS's own 1e-7 is too coarse for exact kinks

# HiGHS's own absolute gap (1e-6 of the largest return) ends before batches of 1 beside millions are right
INTEGER = {"mip_rel_gap": 0.0, "mip_abs_gap": 0.0, "mip_feasibility_tolerance": TOLERANCE}


def solve(programme: Programme, seconds: float | None = None) -> Found:
    """Solve once.

    Raises:
        SolverFailed: highspy is not installed, or HiGHS gives up.
    """
    if not len(programme.gain):
        return without_columns(programme)
    return Model(programme).run(seconds)


class Model:
    """A programme inside HiGHS, which keeps its basis: after a change of bounds it goes on from where it was."""

    def __init__(self, programme: Programme) -> None:
        try:
            import highspy
        except ImportError:
            raise SolverFailed(
                "the solver HiGHS is not installed: pip install highspy, or choose solver 'cbc'"
            ) from None
        self._status = highspy.HighsModelStatus
        self.highs = highspy.Highs()
        self.highs.setOptionValue("output_flag", False)
        self.highs.setOptionValue("primal_feasibility_tolerance", TOLERANCE)
        self.highs.setOptionValue("dual_feasibility_tolerance", TOLERANCE)
        for option, value in INTEGER.items():
            self.highs.setOptionValue(option, value)
        lp = highspy.HighsLp()
        rows, columns = programme.matrix.shape
        lp.num_col_, lp.num_row_ = columns, rows
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = -programme.gain, programme.lower, programme.upper
        lp.row_lower_, lp.row_upper_ = programme.row_low, programme.row_high
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = programme.matrix.indptr
        lp.a_matrix_.index_ = programme.matrix.indices
        lp.a_matrix_.value_ = programme.matrix.data
        self.is_integer = programme.integer is not None and bool(programme.integer.any())
        if programme.integer is not None and self.is_integer:
            kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
            lp.integrality_ = [kinds[int(whole)] for whole in programme.integer]
        self.highs.passModel(lp)

    def run(self, seconds: float | None = None) -> Found:
        if seconds is not None:
            self.highs.setOptionValue("time_limit", float(seconds))
        self.highs.run()
        status, known = self.highs.getModelStatus(), self._status
        doubtful = (known.kUnboundedOrInfeasible, known.kUnknown, *(() if self.is_integer else (known.kInfeasible,)))
        if status in doubtful:
            self.highs.setOptionValue("presolve", "off")  # which of the two, and without what presolve may have spoilt
            self.highs.run()
            status = self.highs.getModelStatus()
        if status == known.kInfeasible:
            return nothing("infeasible")
        if status in (known.kUnbounded, known.kUnboundedOrInfeasible):
            return nothing("unbounded")
        if status not in (known.kOptimal, known.kTimeLimit, known.kModelEmpty):
            raise SolverFailed(f"HiGHS ended with '{self.highs.modelStatusToString(status)}'")
        solution, info = self.highs.getSolution(), self.highs.getInfo()
        stopped = status == known.kTimeLimit
        if stopped and not solution.value_valid:
            return nothing("stopped")
        bound = -info.mip_dual_bound if self.is_integer else float("inf") if stopped else -info.objective_function_value
        return Found(
            status="stopped" if stopped else "optimal",
            x=np.asarray(solution.col_value, dtype=float),
            row_values=-np.asarray(solution.row_dual, dtype=float),
            bound=bound,
        )

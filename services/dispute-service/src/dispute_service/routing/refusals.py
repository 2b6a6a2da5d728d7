"""The reasons for which a resolution matrix is not published.

MatrixRefusal
└── MatrixNotAcceptable   rules that contradict themselves or leave a dispute without an owner; every place is named
"""

from dispute_service.routing.matrix import MatrixProblem
from redress.refusal import Place, Refusal


class MatrixRefusal(Refusal):
    """Any of the reasons above."""


class MatrixNotAcceptable(MatrixRefusal):
    code = "matrix_not_acceptable"
    title = "The resolution matrix cannot be published"

    def __init__(self, problems: tuple[MatrixProblem, ...]) -> None:
        super().__init__("; ".join(problem.detail for problem in problems[:5]), place=problems[0].path)
        self.problems = problems

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple((problem.path, problem.detail, None) for problem in self.problems)

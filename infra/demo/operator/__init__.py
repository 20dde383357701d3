from infra.demo.operator.outcomes import Outcome
from infra.demo.operator.stand_in import Operator, Pace

__all__ = ["Operator", "Outcome", "Pace"]

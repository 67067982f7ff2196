"""Readers of plan documents: bytes in, a `core.plan.Plan` or findings out."""

from superteam.plans.document import load_plan, read_plan

__all__ = ["load_plan", "read_plan"]

"""Run by `redress.eventlog.migrations.upgrade` only."""

from redress.eventlog.migrations import run_environment

run_environment()

from redress.eventlog.migrations import run_environment

run_environment()

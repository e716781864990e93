"""Tests of the passes: laws over programs, then what each pass does and leaves."""

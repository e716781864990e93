"""The instrument: times, deterministic counts, agreement of values, tables."""

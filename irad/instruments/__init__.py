"""What programs are and take: deterministic counts, times in turn, equal values."""

"""What a gradient keeps and what it computes again: prices and schedules, no emission."""

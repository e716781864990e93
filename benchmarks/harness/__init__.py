"""What benchmarks need beside `irad.instruments`: peers, sides, tables, the machine."""

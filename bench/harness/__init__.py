"""bench/compare: the program beside its peers. The standard library only; peers run in their own environment."""

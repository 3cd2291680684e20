"""Side-by-side measurements. ``python -m benchmarks [names]`` runs them; ``common.py`` says what a benchmark is."""

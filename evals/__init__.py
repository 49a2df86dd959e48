"""How good it is: metrics, protocols, experiments, reports and benchmarks."""

"""The verbs: load, compute, save, audit. The only writers, and the only place that audits."""

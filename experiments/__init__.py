"""The paper's experiments, reproduced and attacked: one runnable file a table or figure (docs/results.md)."""

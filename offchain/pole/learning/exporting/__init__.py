"""A trained model in the clear, and as files of other programs: ONNX, torch, a scikit-learn estimator."""

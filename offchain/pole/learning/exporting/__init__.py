"""A canonical model as others run it: an ONNX file, a torch module, an estimator, each equal to the bit."""

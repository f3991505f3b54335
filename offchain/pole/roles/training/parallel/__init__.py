"""One model trained by several processes: rank 0 leads, the others follow, the worker watches over them."""

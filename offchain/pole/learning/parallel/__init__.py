"""Several processes that train one network: what each of them does, and how they speak."""

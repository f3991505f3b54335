"""HTTP as all adapters use it: no proxy to this machine, and no answer that takes for ever."""

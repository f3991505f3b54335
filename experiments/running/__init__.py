"""How it is measured: the command line, seeds one by one, and records that an interruption leaves whole."""

"""What commands have in common: the session, options, output, workers as processes, secrets."""

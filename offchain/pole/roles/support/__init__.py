"""What every worker uses: events told, files, waiting, progress."""

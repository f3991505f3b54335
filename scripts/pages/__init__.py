"""What scripts and experiments write into docs/: charts, and tables between markers."""
